// @ts-check
import { spawnSync } from 'node:child_process';

const NAMES = [
  'chromium',
  'chromium-browser',
  'google-chrome-stable',
  'google-chrome',
  '/Applications/Chromium.app/Contents/MacOS/Chromium',
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
];

/** The command of a Chromium that runs: the one that CHROMIUM names and no other, or else the first that is there. */
export function findChromium({ CHROMIUM } = process.env) {
  return (CHROMIUM ? [CHROMIUM] : NAMES).find((command) => spawnSync(command, ['--version']).status === 0);
}
