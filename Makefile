# The whole set-up: `make run` and `make test`. Each installs what is missing and is safe to repeat.
.PHONY: run test check soak bench films images fmt help

help: ## what there is
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/'

run: ## build and start everything on http://127.0.0.1:8080 with a demonstration film
	@scripts/run.sh

test: ## everything: checks, unit tests on both databases, scenarios, programs of others, players
	@scripts/test.sh

check: ## format, lints, docs, house rules
	@scripts/check.sh

soak: ## long repetitions: kills, stops, a minute of every fault (docs/FAULTS.md), ten thousand mutated films
	@scripts/soak.sh

bench: ## ours beside ffmpeg and the cost of idling, on a quiet machine; writes docs/BENCHMARKS.md
	@scripts/bench.sh

films: ## what becomes of odd films; writes docs/ODD_FILMS.md
	@scripts/odd-films.sh

images: ## what is in the container images, without a container engine; writes docs/IMAGES.md (root)
	@scripts/images.sh

fmt: ## format everything
	@cargo fmt --all
