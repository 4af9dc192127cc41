// SPDX-License-Identifier: Apache-2.0
// Linked into every module library so that a module of headers alone is still a library.
