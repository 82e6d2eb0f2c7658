# The jobs of this project; `make help` lists them. Each sees to what it needs (setup/require).
.POSIX:
.SUFFIXES:

CARGO = cargo
LIBRARY = target/release/libmagicmail.so
SIMULATOR = target/release/magicmail-simulator
DAY = examples/day.json
HISTORIES = 200000
SEED = 1
PERL_INCLUDE = -I perl/lib -I tests/perl/lib
PERL_SOURCES = $$(git ls-files '*.pm' '*.pl' '*.t' examples/day benches/bench benches/audit \
    tests/perl/on-postgresql tests/freeside/run perl/bin/freeside-magicmail packaging/man-of-header)
PROVE = MAGICMAIL_LIB=$(LIBRARY) MAGICMAIL_SIMULATOR=$(SIMULATOR) prove -j3 $(PERL_INCLUDE)
WITH_DATABASE = $$(grep -rlE --include='*.t' '^use (ISP|Rule|Drift)\>' tests/perl | sort)

FREESIDE_TESTS = tests/perl/rules tests/freeside

.PHONY: help build install uninstall deb demo test test-rust test-perl test-freeside test-c test-packages faults fuzz sanitize bench \
    bench-audit release-check simulate lint header clean

help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/make \1\t\2/p' Makefile | expand -t 20

build: ## the library and the simulator, optimised
	@setup/require build
	$(CARGO) build --release --workspace

install: ## into PREFIX (/usr/local), the modules into PERL_LIB; DESTDIR before all of it
	@PREFIX='$(PREFIX)' DESTDIR='$(DESTDIR)' LIBDIR='$(LIBDIR)' PERL_LIB='$(PERL_LIB)' packaging/into-freeside

uninstall: ## takes away what `make install` with the same words put there
	@PREFIX='$(PREFIX)' DESTDIR='$(DESTDIR)' LIBDIR='$(LIBDIR)' PERL_LIB='$(PERL_LIB)' \
	    packaging/into-freeside --remove

deb: ## Debian packages into target/packages (GLIBC=native: for this Debian only)
	@setup/require build deb
	@CARGO='$(CARGO)' GLIBC='$(GLIBC)' packaging/deb

demo: ## an ISP's day, from Freeside to MagicMail (DAY=file: another day)
	@setup/require demo
	@CARGO='$(CARGO)' MAGICMAIL_LIB=$(LIBRARY) MAGICMAIL_SIMULATOR=$(SIMULATOR) perl examples/day --build $(DAY)

test: ## all tests: Rust, Perl, C
	@setup/require test
	$(CARGO) build --release --workspace
	$(MAKE) test-rust test-perl test-c

test-rust: ## the tests of the library and of the simulator
	$(CARGO) test --workspace

faults: ## every fault at every request of every hook, then two (FAULTS="--latency 20")
	@setup/require build
	$(CARGO) test --profile simulation --test faults -- --full $(FAULTS)

simulate: ## made-up histories of a Freeside and its mail server (HISTORIES=200000 SEED=1)
	@setup/require build
	$(CARGO) test --profile simulation --test simulation -- --histories $(HISTORIES) --seed $(SEED)

test-perl: ## the hooks, in a small Freeside on SQLite and on PostgreSQL, through the library, over TLS
	$(PROVE) -r tests/perl tests/apache
	tests/perl/on-postgresql env $(PROVE) $(WITH_DATABASE)

test-freeside: ## in a real Freeside of yours, on a copy of its database (FREESIDE=folder of its modules)
	@test -z '$(FREESIDE)' || $(CARGO) build --release --workspace
	@FREESIDE='$(FREESIDE)' MAGICMAIL_LIB=$(LIBRARY) MAGICMAIL_SIMULATOR=$(SIMULATOR) \
	    tests/freeside/run prove $(FREESIDE_TESTS)

test-c: ## the C ABI from C (make sanitize: under valgrind)
	MAGICMAIL_LIB=$(LIBRARY) MAGICMAIL_SIMULATOR=$(SIMULATOR) tests/c/run

fuzz: ## answers, documents and whole hooks under a fuzzer, a minute each (FUZZ_SECONDS=600)
	@setup/require fuzz
	fuzz/run

test-packages: ## the Debian packages and `make install`, in a root of their own
	@setup/require test deb test-packages
	$(CARGO) build --release --workspace
	@CARGO='$(CARGO)' GLIBC='$(GLIBC)' tests/packages/run

sanitize: ## memory: C and Perl under valgrind, Rust under AddressSanitizer, 10,000 hooks (HOOKS=…)
	@setup/require test
	tests/sanitize

bench: ## what a hook costs, beside a plain client (QUICK=1: the short form)
	@setup/require bench
	@$(CARGO) build --release --workspace --quiet
	@MAGICMAIL_LIB=$(LIBRARY) MAGICMAIL_SIMULATOR=$(SIMULATOR) perl $(PERL_INCLUDE) benches/bench

bench-audit: ## what an audit costs, from 1,000 to 100,000 mailboxes (LATENCY=ms)
	@setup/require bench
	@$(CARGO) build --release --workspace --quiet
	@MAGICMAIL_LIB=$(LIBRARY) MAGICMAIL_SIMULATOR=$(SIMULATOR) perl $(PERL_INCLUDE) benches/audit

lint: ## formats and linters; changes nothing
	@setup/require build lint
	$(CARGO) fmt --all --check
	$(CARGO) fmt --manifest-path fuzz/Cargo.toml --check
	$(CARGO) clippy --workspace --all-targets -- -D warnings
	printf '%s\n' $(PERL_SOURCES) | xargs -P $$(nproc) -n 8 perlcritic --quiet
	printf '%s\n' $(PERL_SOURCES) | xargs -P $$(nproc) -n 1 perltidy --assert-tidy --standard-output \
	    --standard-error-output >/dev/null

release-check: ## what must hold before a release: versions, ABI, licences, manual pages, links
	@setup/require test release-check
	@CARGO='$(CARGO)' packaging/release-check

header: ## include/magicmail.h anew, from the sources
	REFRESH_HEADER=1 $(CARGO) test --test rust the_committed_header

clean: ## removes what was built
	$(CARGO) clean
