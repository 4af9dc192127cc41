# SPDX-License-Identifier: Apache-2.0
# make          builds build/release/llmd
# make up       builds it and starts the default cluster on 127.0.0.1 (Ctrl-C stops it)
# make check    the quick tests, under a minute when built
# make test     everything that must hold before a change lands
# make nightly  what is slower: sanitizers over whole clusters, soaks, fuzzing, benchmarks
SHELL := /bin/sh
.DEFAULT_GOAL := build
.PHONY: build up check test nightly format clean packages-build packages-test

packages-build:
	@tools/install_packages.sh build
packages-test:
	@tools/install_packages.sh build test

build: packages-build
	@test -f build/release/build.ninja || cmake --preset release
	@ninja -C build/release llmd

up: build
	@exec build/release/llmd up

check: packages-test
	@tests/run.sh check
test: packages-test
	@tests/run.sh test
nightly: packages-test
	@tests/run.sh nightly

format:
	@git ls-files -z '*.cc' '*.h' | xargs -0 clang-format-19 -i
clean:
	@rm -rf build
