# trading-race. Targets: all demo check bench asan faults install uninstall deps clean dist.
VERSION = 0.1.0
PREFIX = /usr/local
BINDIR = $(PREFIX)/bin
MANDIR = $(PREFIX)/share/man
DATADIR = $(PREFIX)/share/trading-race
BASHCOMPDIR = $(PREFIX)/share/bash-completion/completions
ZSHCOMPDIR = $(PREFIX)/share/zsh/site-functions
FISHCOMPDIR = $(PREFIX)/share/fish/vendor_completions.d
PKG_CONFIG = pkg-config

B = build
CC = gcc
WERROR = $(if $(CI),-Werror)
CFLAGS = -O2 -g
HARDEN = -D_FORTIFY_SOURCE=3 -fstack-protector-strong -fstack-clash-protection -fPIE
WARN = -Wall -Wextra -Wconversion -Wshadow -Wstrict-prototypes -Wmissing-prototypes \
	-Wvla -Wformat=2 -Wundef -Wpointer-arith -Wwrite-strings $(WERROR)
ALL_CFLAGS = -std=c11 -D_GNU_SOURCE -DTR_VERSION='"$(VERSION)"' -Ilib -I$(B) -ffp-contract=off \
	$(WARN) $(HARDEN) $(CFLAGS)
LDFLAGS = -pie -Wl,-z,relro -Wl,-z,now
# SQLite, libcrypto and zlib are linked statically where an archive is there: a process starts twice
# as fast, and every stage of a window is a process.
STATIC = $(if $(wildcard $(shell $(CC) -print-file-name=lib$(1).a)),-l:lib$(1).a,-l$(1))
LDLIBS = $(call STATIC,sqlite3) $(call STATIC,crypto) $(call STATIC,z) -lcjson -lm

LIB = $(patsubst lib/%.c,$(B)/lib/%.o,$(sort $(wildcard lib/*.c)))
TOOLS = $(patsubst cmd/%.c,$(B)/%,$(sort $(wildcard cmd/tr-*.c)))
UNITS = $(patsubst tests/unit/%.c,$(B)/unit/%,$(sort $(wildcard tests/unit/*.c)))

all: $(TOOLS)

$(B)/%.inc: share/%
	@mkdir -p $(B)
	od -An -v -tu1 $< | sed 's/[0-9][0-9]*/&,/g' >$@

$(B)/lib/%.o: lib/%.c Makefile
	@mkdir -p $(B)/lib
	$(CC) $(ALL_CFLAGS) -MMD -MP -c -o $@ $<

# What lies in share/ and is part of the programs too.
$(B)/lib/db.o: $(B)/schema.sql.inc
$(B)/lib/provider.o $(B)/lib/provider_price.o: $(B)/prices.tsv.inc
$(B)/lib/prompt.o: $(B)/prompt.txt.inc
$(B)/lib/report.o: $(B)/report.css.inc $(B)/report.js.inc

$(B)/libtr.a: $(LIB)
	rm -f $@ && ar rcs $@ $(LIB)

$(B)/tr-%: cmd/tr-%.c $(B)/libtr.a
	$(CC) $(ALL_CFLAGS) -MMD -MP -MF $@.d $(LDFLAGS) -o $@ $< $(B)/libtr.a $(LDLIBS)

# The only program that speaks HTTP; loading libcurl takes ten times as long as all of the others.
$(B)/tr-fetch: LDLIBS += -lcurl

$(B)/unit/%: tests/unit/%.c $(B)/libtr.a
	@mkdir -p $(B)/unit
	$(CC) $(ALL_CFLAGS) -Itests/unit -MMD -MP -MF $@.d $(LDFLAGS) -o $@ $< $(B)/libtr.a $(LDLIBS)

-include $(wildcard $(B)/*.d $(B)/lib/*.d $(B)/unit/*.d)

# Everything from nothing: packages that are missing, a day of a race, the leaderboard.
demo: deps
	@$(MAKE) --no-print-directory -s all
	@share/demo.sh $(B)

check: deps
	@$(MAKE) --no-print-directory -s all units
	@B=$(B) tests/run.sh

units: $(UNITS)

# The whole suite once more under the address and undefined-behaviour sanitizers.
asan: deps
	@$(MAKE) --no-print-directory -s B=build/asan CC=clang \
		HARDEN="-fPIE -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer" \
		CFLAGS="-O1 -g" all units
	@B=build/asan tests/run.sh

# Every crash, error and allocation failure, exhaustively.
faults: all
	@B=$(B) tests/faults/run.sh

bench: all
	@B=$(B) CC=$(CC) tests/bench/run.sh

# Install the packages that are missing, when it can be done.
deps:
	@tests/deps.sh

install: all
	install -d $(DESTDIR)$(BINDIR) $(DESTDIR)$(MANDIR)/man1 $(DESTDIR)$(MANDIR)/man5 \
		$(DESTDIR)$(MANDIR)/man7 $(DESTDIR)$(DATADIR) $(DESTDIR)$(BASHCOMPDIR) \
		$(DESTDIR)$(ZSHCOMPDIR) $(DESTDIR)$(FISHCOMPDIR)
	install -m 755 $(TOOLS) $(DESTDIR)$(BINDIR)
	install -m 644 man/*.1 $(DESTDIR)$(MANDIR)/man1
	install -m 644 man/*.5 $(DESTDIR)$(MANDIR)/man5
	install -m 644 man/*.7 $(DESTDIR)$(MANDIR)/man7
	cp -R share/. $(DESTDIR)$(DATADIR)
	install -m 644 completions/trading-race.bash $(DESTDIR)$(BASHCOMPDIR)/tr-cycle
	for t in $(notdir $(TOOLS)); do \
		[ $$t = tr-cycle ] || ln -sf tr-cycle $(DESTDIR)$(BASHCOMPDIR)/$$t; done
	install -m 644 completions/_trading-race $(DESTDIR)$(ZSHCOMPDIR)/_trading-race
	install -m 644 completions/trading-race.fish $(DESTDIR)$(FISHCOMPDIR)/trading-race.fish

uninstall:
	for t in $(notdir $(TOOLS)); do rm -f $(DESTDIR)$(BINDIR)/$$t $(DESTDIR)$(BASHCOMPDIR)/$$t; done
	for p in man/*.[157]; do rm -f $(DESTDIR)$(MANDIR)/man$${p##*.}/$${p##*/}; done
	rm -f $(DESTDIR)$(ZSHCOMPDIR)/_trading-race $(DESTDIR)$(FISHCOMPDIR)/trading-race.fish
	rm -rf $(DESTDIR)$(DATADIR)

dist:
	@mkdir -p dist
	git archive --format=tar.gz --prefix=trading-race-$(VERSION)/ -o dist/trading-race-$(VERSION).tar.gz HEAD

clean:
	rm -rf build

.PHONY: all demo check units asan faults bench deps install uninstall dist clean
.DELETE_ON_ERROR:
