# What `make check` runs, piece by piece; each can be typed by itself.
CHECKS := check-compilers check-cppcheck check-tidy check-levels check-sanitizers check-threads check-builds
.PHONY: check $(CHECKS) coverage
check:
	@for piece in $(CHECKS); do echo "== $$piece"; $(MAKE) --no-print-directory $$piece || exit; done

# Warnings are errors with both compilers.
check-compilers:
	@$(MAKE) -s --no-print-directory $(jobs) CC=gcc BUILD=build/gcc WERROR=-Werror programs unit fuzz-targets
	@$(MAKE) -s --no-print-directory $(jobs) CC=clang BUILD=build/clang WERROR=-Werror programs unit fuzz-targets

# The suppressions stand beside what they concern, with the reason.
check-cppcheck:
	@command -v cppcheck >/dev/null || { echo "error: cppcheck is not installed; make deps-check installs it" >&2; exit 3; }
	@cppcheck --std=c11 --language=c -D_GNU_SOURCE -Isrc --library=posix,openmp --enable=warning,performance,portability --inline-suppr \
	  --suppressions-list=tests/support/cppcheck.supp --error-exitcode=1 --quiet -j$(JOBS) src

# What was clean is remembered in build/tidy, so only the first run is long.
check-tidy:
	@tests/tidy.sh $(JOBS) $(PKG_CFLAGS)

# The unit tests by the kernels of lesser processors, by another BLAS kernel, with one thread.
LEVELS := MOODCAST_CPU=baseline MOODCAST_CPU=avx2 OPENBLAS_CORETYPE=Haswell,OMP_NUM_THREADS=1
check-levels:
	@$(MAKE) -s --no-print-directory $(jobs) programs unit
	@for level in $(LEVELS); do echo "check-levels: $$level"; env $$(echo $$level | tr , ' ') TESTS=unit tests/run.sh $(BIN) $(BUILD)/tests || exit; done

# The unit tests under ThreadSanitizer, with clang and libomp: libarcher tells it what OpenMP orders. OpenBLAS and libmicrohttpd are not built for it,
# so only what our own code does is judged; a race that is meant is named in tsan.supp, with its reason.
ARCHER = $$(dirname "$$(readlink -f "$$(command -v clang)")")/../lib/libarcher.so
check-threads:
	@$(MAKE) -s --no-print-directory $(jobs) MODE=tsan CC=clang unit
	@echo "check-threads: without test_drawn, which draws on one thread for minutes under the sanitizer; test_drawn_archive draws with two"
	@TSAN_OPTIONS=ignore_noninstrumented_modules=1:suppressions=$(CURDIR)/tests/support/tsan.supp \
	  OMP_TOOL_LIBRARIES=$(ARCHER) OMP_NUM_THREADS=2 TESTS=unit LEFT_OUT=test_drawn TEST_TIMEOUT=3600 tests/run.sh build/tsan/bin build/tsan/tests

# Some ten times slower than the release; a leak in a library that cannot be helped here is named in lsan.supp, with its reason.
SANITIZED = ASAN_OPTIONS=detect_leaks=1:allocator_may_return_null=1 LSAN_OPTIONS=suppressions=$(CURDIR)/tests/support/lsan.supp:print_suppressions=0 \
            UBSAN_OPTIONS=print_stacktrace=1 TEST_TIMEOUT=3600
check-sanitizers:
	@$(MAKE) -s --no-print-directory $(jobs) MODE=asan WERROR=-Werror programs unit fuzz-targets
	@$(SANITIZED) tests/run.sh build/asan/bin build/asan/tests

# Two builds in other folders, one and two threads: the same bytes.
check-builds:
	@tests/check/two_builds.sh

# How much of src/ the tests run, by lines and branches: build/coverage/html/index.html; below 90 % and 75 % it fails. The unit tests run by the
# kernels of each level, the scripts' own make calls and MPI's programs are counted as well; what is killed, and what ends by _exit, is not.
# The verdict on the tests themselves is `make test`.
coverage:
	@$(MAKE) -s --no-print-directory $(jobs) MODE=coverage programs unit fuzz-targets
	@find build/coverage build/mpi.*-coverage -name '*.gcda' -delete 2>/dev/null || true
	@for level in '' MOODCAST_CPU=baseline MOODCAST_CPU=avx2; do \
	  env $$level TEST_TIMEOUT=3600 TESTS=unit tests/run.sh build/coverage/bin build/coverage/tests || true; done
	@echo "coverage: without precision.sh, whose VGG16 over real faces takes very long where each branch is counted"
	@TEST_TIMEOUT=3600 TESTS=scripts LEFT_OUT=precision.sh tests/run.sh build/coverage/bin build/coverage/tests || true
	@tests/coverage.sh build/coverage build/mpi.*-coverage
