# Tempus on an AWS account of your own: docs/aws.md tells the whole way. Each target says what it does before it does it,
# and may be repeated at any point.
.DEFAULT_GOAL := help
.PHONY: help setup build push deploy token destroy
# Each target begins with what the one before has made: `make -j build push deploy` keeps to the order.
.NOTPARALLEL:
NODE := node_modules/.bin/node

# What targets may be given, and only so: what is in the environment by chance decides nothing.
SETTINGS := INSTALL REGION ALLOWED_CIDRS DOMAIN API_DOMAIN ZONE_ID STATE TAG NODE_IMAGE OWNER YES FORCE EVERYTHING TIMEOUT_S
$(foreach name,$(SETTINGS),$(if $(filter environment,$(origin $(name))),$(eval unexport $(name))))
GIVEN := $(foreach name,$(.VARIABLES),$(if $(findstring command line,$(origin $(name))),$(name)))
UNKNOWN := $(filter-out $(SETTINGS) NODE,$(GIVEN))
$(if $(UNKNOWN),$(error there is no setting $(UNKNOWN); make shows which there are))

help: ## Show this
	@sed -n 's/^\([a-z]*\):.*## /  make \1|/p' Makefile | awk -F'|' '{ printf "%-16s%s\n", $$1, $$2 }'

setup: | $(NODE) ## Make state bucket and repositories, or find them [INSTALL= REGION= ALLOWED_CIDRS= DOMAIN= API_DOMAIN= ZONE_ID= STATE=local]
	@$(NODE) deploy/main.ts setup

build: | $(NODE) ## Build functions and images [NODE_IMAGE=node:24-slim TAG=]
	@npm run --silent build
	@$(NODE) deploy/main.ts images

push: | $(NODE) ## Push the images, each under a tag that says what is in it [TAG=]
	@$(NODE) deploy/main.ts push

deploy: | $(NODE) ## Apply terraform/, wait for the API, and show its address and a token [YES=1 TAG= OWNER= TIMEOUT_S=]
	@$(NODE) deploy/main.ts deploy

token: | $(NODE) ## Make another token with scope admin, for who has lost the first [OWNER=]
	@$(NODE) deploy/main.ts token

destroy: | $(NODE) ## Destroy the install; FORCE=1 its previews too; EVERYTHING=1 also what setup made [YES=1 TIMEOUT_S=]
	@$(NODE) deploy/main.ts destroy

$(NODE):
	@echo 'error: Tempus is not installed in this checkout' >&2
	@echo '  there is no $(NODE), which is the Node that everything here runs on' >&2
	@echo '  next: npm ci --ignore-scripts=false' >&2
	@exit 1
