// SPDX-License-Identifier: Apache-2.0
// pidfd_open(2) and pidfd_send_signal(2): glibc 2.36 declares them without C linkage for C++.
#pragma once

extern "C" {
#include <sys/pidfd.h>
}
