'use strict';
/** The first script of the unpacked program: runs the bundle with the code that was compiled when it was built. */
const { existsSync, readFileSync } = require('node:fs');
const { join } = require('node:path');
const { constants, Script } = require('node:vm');

// Where no /proc is mounted nobody knows what a process holds; what it held at most stands for it, and limits hold.
if (process.platform === 'linux' && !existsSync('/proc/self/stat')) {
  process.memoryUsage.rss = () => process.resourceUsage().maxRSS * 1024;
}

const filename = join(__dirname, 'hakiri.cjs');
// Comes only with releases for machines of the kind that built them.
const compiled = join(__dirname, 'hakiri.cache');
const script = new Script(readFileSync(filename, 'latin1'), {
  filename,
  cachedData: existsSync(compiled) ? readFileSync(compiled) : undefined,
  importModuleDynamically: constants.USE_MAIN_CONTEXT_DEFAULT_LOADER,
});
const bundle = { exports: {} };
script.runInThisContext()(bundle.exports, require, bundle, filename, __dirname);

// As Node does for an unsettled `await` at the top level: nothing is left that could end the command.
const UNSETTLED = 13;
let ended = false;
bundle.exports.ended.then(() => {
  ended = true;
});
process.on('exit', () => {
  if (!ended && process.exitCode === undefined) process.exitCode = UNSETTLED;
});
