# Sourced by tests that drive a browser: finds Chromium, node and playwright-core, sets $PLAYWRIGHT. `need_browser NAME` skips the test by
# name where one of them is missing.
need_browser() {
  local modules
  command -v chromium >/dev/null || { echo "SKIP $1: chromium is not installed"; exit 77; }
  command -v node >/dev/null || { echo "SKIP $1: node is not installed"; exit 77; }
  for modules in "${MOODCAST_PLAYWRIGHT:-}" tests/browser/node_modules tests/peers/node_modules "$(npm root -g 2>/dev/null)"; do
    [ -d "$modules/playwright-core" ] && break
  done
  [ -d "$modules/playwright-core" ] || { echo "SKIP $1: playwright-core is not installed (make deps-test, or npm install --prefix tests/browser playwright-core)"; exit 77; }
  PLAYWRIGHT=$(realpath "$modules/playwright-core"); export PLAYWRIGHT
}
