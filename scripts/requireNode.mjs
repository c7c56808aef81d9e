// Stops before anything runs on a Node.js that is too old for this repository. Plain old syntax: it has to start on the
// very versions that it refuses.
import { existsSync } from "fs";

var needed = [22, 18];
var parts = process.versions.node.split(".").map(Number);
var enough = parts[0] > needed[0] || (parts[0] === needed[0] && parts[1] >= needed[1]);

if (!enough) {
  var own = existsSync("node_modules/node/package.json") && !existsSync("node_modules/node/bin/node");
  console.error(
    "batchai: this command runs on Node.js " + process.versions.node + ", but needs " + needed.join(".") + " or newer.\n" +
    (own
      ? "The Node.js that this repository brings along (npm package `node`) is there, but its install script did not\n" +
        "run: perhaps `npm ci --ignore-scripts` or `ignore-scripts=true` in an .npmrc.\n" +
        "Run `npm rebuild node --ignore-scripts=false`, or put a newer Node.js first on your PATH."
      : "Run `npm ci` in this folder: it brings a current Node.js along, and `npm run ...` then uses it by itself.\n" +
        "Or put a newer Node.js first on your PATH.")
  );
  process.exit(1);
}
