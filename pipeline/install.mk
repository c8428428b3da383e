# The runtime on another machine: `make install` copies it, `make package` wraps the same files into a .deb.

PREFIX  ?= /usr/local
DESTDIR ?=
UNIT_DIR = $(if $(filter /usr,$(PREFIX)),/lib,$(PREFIX)/lib)/systemd/system
VERSION_TEXT = $(shell $(BIN)/moodcast version | sed -n 's/^moodcast \([0-9][0-9.]*\).*/\1/p')

.PHONY: install package
install: $(BIN)/moodcast
	@install -D -m 755 $(BIN)/moodcast '$(DESTDIR)$(PREFIX)/bin/moodcast'
	@install -D -m 644 pipeline/package/moodcast.1 '$(DESTDIR)$(PREFIX)/share/man/man1/moodcast.1'
	@install -D -m 644 src/runtime/page/context.json '$(DESTDIR)$(PREFIX)/share/moodcast/context.json'
	@install -D -m 644 LICENSE '$(DESTDIR)$(PREFIX)/share/doc/moodcast/copyright'
	@install -d '$(DESTDIR)$(UNIT_DIR)'
	@sed 's|@PREFIX@|$(PREFIX)|g' pipeline/package/moodcast.service >'$(DESTDIR)$(UNIT_DIR)/moodcast.service'
	@chmod 644 '$(DESTDIR)$(UNIT_DIR)/moodcast.service'

# The packages that the program links follow from the program itself.
package: $(BIN)/moodcast
	@pipeline/package/build_deb.sh '$(MAKE)' '$(BIN)' '$(VERSION_TEXT)' build
