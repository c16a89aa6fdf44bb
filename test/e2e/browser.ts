import { existsSync } from 'node:fs';
import { type Browser, chromium } from 'playwright-core';
import { printError } from '../../platform/terminal.ts';

const CHROMIUM = process.env['TEMPUS_CHROMIUM'] ?? '/usr/bin/chromium';

/**
 * Whether this machine has a browser to test with. Says loudly when it has none, and counts as there when
 * TEMPUS_REQUIRE_BROWSER=1, so that a machine that must test with one fails instead.
 */
export function hasBrowser(): boolean {
  if (existsSync(CHROMIUM) || process.env['TEMPUS_REQUIRE_BROWSER'] === '1') return true;
  printError(`NOT TESTED with a browser: there is no ${CHROMIUM}; install Chromium or set TEMPUS_CHROMIUM`);
  return false;
}

export function startBrowser(): Promise<Browser> {
  return chromium.launch({
    executablePath: CHROMIUM,
    // Containers of a CI run as root, where Chromium's own sandbox refuses to start.
    args: ['--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage', '--disable-background-networking'],
  });
}
