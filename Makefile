.DEFAULT_GOAL := help
.PHONY: help check check-format check-lint check-types check-unit

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

check: node_modules/.package-lock.json ## Format, lint, types and unit tests; no lab, under a minute
	@$(MAKE) --no-print-directory -j 2 -k check-unit check-types check-lint check-format 2>/dev/null

check-unit:
	$(call step,unit,$(BIN)/vitest run --project unit --reporter dot)

check-types:
	$(call step,types,$(BIN)/tsc --incremental --tsBuildInfoFile $(CACHE)/tsc.json)

check-lint:
	$(call step,lint,$(BIN)/eslint --cache --cache-location $(CACHE)/eslint.json .)

check-format:
	$(call step,format,$(BIN)/prettier --cache --log-level warn --check .)

node_modules/.package-lock.json: package-lock.json
	npm ci --no-audit --no-fund --loglevel error
	@touch $@
