import { mkdir, writeFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import type { Options } from "tsup";

type BuildPlugin = NonNullable<Options["esbuildPlugins"]>[number];

/**
 * Writes a CommonJS file next to each of these modules that re-exports the module. Node.js can `require` modules, so
 * one copy of the code is enough, regardless of how a program loads it.
 */
export function commonJsEntries(names: readonly string[]): BuildPlugin {
  return reExports("commonjs-entries", names, ".cjs", (name) => `module.exports = require("./${name}.js");\n`);
}

/**
 * Writes a declaration file for each of these modules that re-exports the declarations of its CommonJS file. Both files
 * export the same, so one copy of the types is enough.
 */
export function moduleTypes(names: readonly string[]): BuildPlugin {
  return reExports("module-types", names, ".d.ts", (name) => `export * from "./${name}.cjs";\n`);
}

function reExports(
  pluginName: string,
  names: readonly string[],
  ending: string,
  content: (name: string) => string,
): BuildPlugin {
  return {
    name: pluginName,
    setup(build) {
      build.onEnd(async () => {
        for (const name of names) {
          const file = join(build.initialOptions.outdir ?? "dist", `${name}${ending}`);
          await mkdir(dirname(file), { recursive: true });
          await writeFile(file, content(basename(name)));
        }
      });
    },
  };
}
