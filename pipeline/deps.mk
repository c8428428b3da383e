# Packages: Debian 12 by name. `make deps` installs what building and running need, `make deps-test` the judges of the tests.
# `moodcast watch` and `serve --source` read V4L2 cameras through the kernel's own header. `make install` needs nothing more; `make package` needs
# dpkg-deb, which Debian always has, and makes the .deb depend on the packages of what the program links, so no list is kept here.

PKGS_RUNTIME := openblas libturbojpeg libpng jansson expat inih libutf8proc libxxhash libcrypto libmicrohttpd libseccomp cairo pangocairo
PKGS_TRAIN   := openblas hdf5 libarchive libturbojpeg libpng jansson expat inih libutf8proc libxxhash libcrypto cairo pangocairo zlib

DEBIAN_BUILD := gcc make pkg-config libc6-dev libopenblas-openmp-dev libhdf5-dev libarchive-dev libcsv-dev libturbojpeg0-dev \
                libpng-dev libjansson-dev libexpat1-dev libinih-dev libutf8proc-dev libxxhash-dev libssl-dev zlib1g-dev \
                libmicrohttpd-dev libseccomp-dev libcairo2-dev libpango1.0-dev gnuplot-nox fonts-nanum libcmocka-dev
DEBIAN_TEST  := python3-opencv opencv-data python3-h5py python3-gensim python3-scipy python3-sklearn python3-torch libdnnl-dev libmpich-dev mpich chromium curl unzip
DEBIAN_CHECK := clang clang-tidy libomp-dev cppcheck lcov

NPM_TEST     := playwright-core @tensorflow/tfjs

APT := $(if $(filter 0,$(shell id -u)),,sudo )env DEBIAN_FRONTEND=noninteractive apt-get

.PHONY: deps deps-test deps-check
$(DEPS_OK):
	@$(MAKE) --no-print-directory deps
deps:
	@missing=""; for p in $(DEBIAN_BUILD); do dpkg-query -W -f='$${Status}' $$p 2>/dev/null | grep -q 'install ok installed' || missing="$$missing $$p"; done; \
	if [ -n "$$missing" ]; then echo "deps: installing$$missing"; \
	  { $(APT) update -qq && $(APT) install -y -qq --no-install-recommends $$missing; } >build.deps.log 2>&1 \
	  || { tail -n 5 build.deps.log; echo "deps: could not install them; install by hand:$$missing"; exit 3; }; rm -f build.deps.log; fi
	@mkdir -p $(dir $(DEPS_OK)) && touch $(DEPS_OK)
# Names the missing ones of $(1), installs them.
apt_install = @missing=""; for p in $(1); do dpkg-query -W -f='$${Status}' $$p 2>/dev/null | grep -q 'install ok installed' || missing="$$missing $$p"; done; \
	if [ -n "$$missing" ]; then echo "$@: installing$$missing"; \
	  $(APT) update -qq && $(APT) install -y -qq --no-install-recommends $$missing >/dev/null; fi
deps-check: deps
	$(call apt_install,$(DEBIAN_CHECK))
deps-test: deps
	$(call apt_install,$(DEBIAN_TEST))
	@command -v npm >/dev/null || { $(APT) install -y -qq --no-install-recommends nodejs npm >/dev/null; }
	@missing=""; for p in $(NPM_TEST); do [ -d tests/peers/node_modules/$$p ] || missing="$$missing $$p"; done; \
	if [ -n "$$missing" ]; then echo "deps-test: npm fetches$$missing"; \
	  npm install --prefix tests/peers --no-save --no-audit --no-fund --loglevel=error $(NPM_TEST) >/dev/null \
	  || echo "deps-test: npm could not; tests that need$$missing are skipped by name"; fi
