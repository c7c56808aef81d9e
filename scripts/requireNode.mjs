// Exits with an error if Node.js is too old for this repository. Uses old syntax, because it must also start on the
// versions that it rejects. The npm scripts call it directly, because `ignore-scripts=true` skips `pretest`.
import { existsSync } from "fs";

var needed = [22, 18];
var running = process.versions.node.split(".").map(Number);
var enough = running[0] > needed[0] || (running[0] === needed[0] && running[1] >= needed[1]);

if (!enough) {
  var halfInstalled = existsSync("node_modules/node/package.json") && !existsSync("node_modules/node/bin/node");
  console.error(
    "batchai: this is Node.js " +
      process.versions.node +
      ", but this repository needs " +
      needed.join(".") +
      " or later.\n" +
      (halfInstalled
        ? "`npm ci` installed a current version, the npm package `node`, but its install script did not run (`ignore-scripts`?).\n" +
          "Run `npm rebuild node --ignore-scripts=false`, or put a later Node.js first on your PATH."
        : "Run `npm ci` in this folder, which installs a current version, and run every command as an npm script (`npm run ...`).\n" +
          "Or put a later Node.js first on your PATH."),
  );
  process.exit(1);
}
