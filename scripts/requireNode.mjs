// Stops before anything runs on a Node.js that is too old for this repository. Plain old syntax: it has to start on the
// very versions that it refuses. A part of the npm scripts themselves, because `ignore-scripts=true` skips `pretest`.
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
      " or newer.\n" +
      (halfInstalled
        ? "It brings one along, the npm package `node`, whose install script did not run (`ignore-scripts`?).\n" +
          "Run `npm rebuild node --ignore-scripts=false`, or put a newer Node.js first on your PATH."
        : "It brings one along: run `npm ci` in this folder, and then every command as an npm script (`npm run ...`).\n" +
          "Or put a newer Node.js first on your PATH."),
  );
  process.exit(1);
}
