// `npm run test:browser` needs a Chromium. Where there is none, Debian has one to install.
// @ts-check
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { findChromium } from './find-chromium.mjs';

const STEPS = [
  ['update', '-qq'],
  ['install', '-qq', '-y', '--no-install-recommends', '-o', 'DPkg::Lock::Timeout=120', 'chromium'],
];

if (findChromium() === undefined) {
  const { CHROMIUM } = process.env;
  if (CHROMIUM) giveUp(`CHROMIUM names ${CHROMIUM}, which does not run.`);
  if (!existsSync('/etc/debian_version') || process.getuid?.() !== 0) giveUp('There is no Chromium, and only root on Debian has it installed.');
  console.log('There is no Chromium yet: apt-get installs it.');
  for (const step of STEPS) aptGet(step);
  if (findChromium() === undefined) giveUp('apt-get installed a Chromium that does not run.');
}

/** @param {string[]} step */
function aptGet(step) {
  const { status, stdout, stderr } = spawnSync('apt-get', step, { env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' }, encoding: 'utf8' });
  if (status === 0) return;
  console.error(stdout, stderr);
  giveUp(`apt-get ${step[0]} failed.`);
}

/** @param {string} reason @returns {never} */
function giveUp(reason) {
  console.error(`${reason} Install Chromium or Google Chrome, or name one: CHROMIUM=/path/to/chromium npm run test:browser`);
  process.exit(1);
}
