import { mkdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { Options } from "tsup";

type BuildPlugin = NonNullable<Options["esbuildPlugins"]>[number];

/**
 * Writes a CommonJS file next to each of these modules that re-exports the module. Node.js can `require` modules, so
 * one copy of the code is enough, regardless of how a program loads it.
 */
export function commonJsEntries(names: readonly string[]): BuildPlugin {
  return {
    name: "commonjs-entries",
    setup(build) {
      build.onEnd(async () => {
        for (const name of names) {
          const file = join(build.initialOptions.outdir ?? "dist", `${name}.cjs`);
          await mkdir(dirname(file), { recursive: true });
          await writeFile(file, 'module.exports = require("./index.js");\n');
        }
      });
    },
  };
}
