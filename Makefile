.DEFAULT_GOAL := help
.PHONY: help test check check-format check-lint check-types check-unit demo demo-apm demo-down drill drill-apm bench bench-ingest setup

BIN := node_modules/.bin
CACHE := node_modules/.cache

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

# step NAME,COMMAND: one line when it passes, everything that it said when not.
define step
@start=$$(date +%s); \
if said=$$($(2) 2>&1); then printf '  %-8s ok, %d s\n' '$(1)' $$(($$(date +%s) - start)); \
else printf '  %-8s FAILED\n%s\n' '$(1)' "$$said"; exit 1; fi
endef

# The tests have a lab of their own, so that a demo can go on beside them. It stays when a test fails, to be looked at. The hosts come up while the check
# runs, with what it leaves of the processors: what is measured comes later. First the pair, then the three hosts of Container APM.
LAB_TESTS = lab/lab run -- $(BIN)/vitest run --project $(1) --reporter verbose --reporter json --outputFile.json=.lab/results/$(1).json

test: export OTEL_HA_LAB = test
test: node_modules/.package-lock.json ## Everything: check, and beside it real services on the lab's hosts (first time 80 min, then an hour)
	@lab/lab up && lab/lab plugins
	@mkdir -p .lab/results && rm -f .lab/results/*.json
	@nice -n 10 $(MAKE) --no-print-directory check & check=$$!; $(call LAB_TESTS,lab); lab=$$?; wait $$check; check=$$?; \
	apm=$$lab; [ $$lab -ne 0 ] || { lab/lab down && lab/lab up --system apm && $(call LAB_TESTS,apm); apm=$$?; }; \
	[ $$apm -eq 0 ] || echo "The lab is as the failed tests left it: OTEL_HA_LAB=test lab/lab status; OTEL_HA_LAB=test lab/lab down removes it" >&2; \
	[ $$check -eq 0 ] && [ $$apm -eq 0 ]
	@lab/lab down

check: node_modules/.package-lock.json ## Format, lint, types and unit tests; no lab, some minutes
	@$(MAKE) --no-print-directory -j 2 -k check-unit check-types check-lint check-format 2>/dev/null

check-unit:
	$(call step,unit,$(BIN)/vitest run --project unit --reporter dot --reporter json --outputFile.json=.lab/results/unit.json)

check-types:
	$(call step,types,$(BIN)/tsc --incremental --tsBuildInfoFile $(CACHE)/tsc.json)

check-lint:
	$(call step,lint,$(BIN)/eslint --cache --cache-location $(CACHE)/eslint.json .)

check-format:
	$(call step,format,$(BIN)/prettier --cache --log-level warn --check .)

node_modules/.package-lock.json: package-lock.json
	@node -e 'process.exit(Number(process.versions.node.split(".")[0] < 20))' || \
		{ echo "Node 20, 22 or 24 with npm is needed, on PATH as node: https://nodejs.org/en/download" >&2; exit 1; }
	npm ci --no-audit --no-fund --loglevel error
	@touch $@

LAB_PROGRAM := node --import ./node_modules/tsx/dist/loader.mjs
LAB_STATE := .lab$(if $(OTEL_HA_LAB),/$(OTEL_HA_LAB))

setup: node_modules/.package-lock.json ## What takes long, once: packages, Docker, images (also part of demo and test)
	@lab/lab setup

demo: node_modules/.package-lock.json ## The whole stack on two hosts of this machine, with telemetry through it
	@$(LAB_PROGRAM) lab/demo.ts

demo-apm: node_modules/.package-lock.json ## Container APM on three more hosts of this machine, with an application's telemetry through it
	@$(LAB_PROGRAM) lab/demo-apm.ts

demo-down: node_modules/.package-lock.json ## Remove the demos; what was built stays
	@lab/lab down
	@rm -rf $(LAB_STATE)/project $(LAB_STATE)/bench-project $(LAB_STATE)/pulumi $(LAB_STATE)/apm-project $(LAB_STATE)/apm-pulumi

# Measure in a lab of their own; JSON=1 for programs.
bench bench-ingest: export OTEL_HA_LAB ?= bench
bench: node_modules/.package-lock.json ## How long first up, no-op up, preview and a one-line change take
	@$(LAB_PROGRAM) lab/bench.ts $(if $(JSON),--json)
	@lab/lab down 2>/dev/null
	@rm -rf ".lab/$$OTEL_HA_LAB"

bench-ingest: node_modules/.package-lock.json ## How much the virtual IP acknowledges: the seed's data path, ours, and that with TLS (15 min)
	@$(LAB_PROGRAM) lab/bench-ingest.ts $(if $(JSON),--json)
	@lab/lab down 2>/dev/null
	@rm -rf ".lab/$$OTEL_HA_LAB"

# All drills of a system, in a lab of their own; reports in drill-reports/.
drill drill-apm: export OTEL_HA_LAB ?= drill
drill: node_modules/.package-lock.json ## Every drill of the pair in both configurations, on the lab's hosts (an hour)
	@$(LAB_PROGRAM) lab/drill.ts
	@lab/lab down 2>/dev/null
	@rm -rf ".lab/$$OTEL_HA_LAB"

drill-apm: node_modules/.package-lock.json ## Every drill of Container APM, on the lab's hosts (half an hour)
	@$(LAB_PROGRAM) lab/drill.ts apm
	@lab/lab down 2>/dev/null
	@rm -rf ".lab/$$OTEL_HA_LAB"
