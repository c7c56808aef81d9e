import { posix } from "node:path";
import { defineConfig, type Options } from "tsup";
import { commonJsEntries, moduleTypes } from "./scripts/commonJsEntries.ts";
import { licencesOfBundledPackages } from "./scripts/licences.ts";

type Plugin = NonNullable<Options["plugins"]>[number];

/** The built launcher, without its extension. */
export const launcher = "service/engines/local/launcher";
/** The built thread that creates folders, without its extension. */
const foldersThread = "service/engines/supervisor/foldersThread";
const startedByLocation = { "./launcher.ts": launcher, "./foldersThread.ts": foldersThread };

/**
 * The engines start the launcher and the thread as `new URL("./launcher.ts", import.meta.url)`. Bundling moves that code
 * to another folder, so every output file is told where the built ones lie.
 */
const locations: Plugin = {
  name: "locations",
  renderChunk(code, { path }) {
    const here = posix.dirname(posix.relative(this.options.outDir, path));
    let located = code;
    for (const [source, target] of Object.entries(startedByLocation)) {
      const built = posix.relative(here, `${target}.js`);
      located = located.replaceAll(
        JSON.stringify(source),
        JSON.stringify(built.startsWith(".") ? built : `./${built}`),
      );
    }
    return located === code ? undefined : { code: located };
  },
};

export const entries = {
  index: "src/index.ts",
  "service/index": "src/service/index.ts",
  "files/index": "src/files/index.ts",
  "transfer/index": "src/transfer/index.ts",
};
const { index, "transfer/index": transfer, ...serviceEntries } = entries;

/** A build of its own: no chunk can be shared with the service, so importing the SDK never loads a part of it. */
export const sdk: Options = {
  name: "sdk",
  entry: { index },
  format: ["esm", "cjs"],
  platform: "neutral",
  target: "es2022",
};

const node: Options = {
  platform: "node",
  target: "node22",
  // The default turns `node:sqlite` into `sqlite`, which does not exist.
  removeNodeProtocol: false,
  plugins: [locations],
};

/** The service, its command line, its launcher and its thread. */
export const service: Options = {
  ...node,
  name: "service",
  entry: {
    ...serviceEntries,
    "cli/main": "src/cli/main.ts",
    [launcher]: `src/${launcher}.ts`,
    [foldersThread]: `src/${foldersThread}.ts`,
  },
  format: ["esm"],
  esbuildOptions: (options) => {
    options.chunkNames = "service/chunk-[hash]";
    // Node.js prints the whole line of an error that nobody catches.
    options.lineLimit = 160;
  },
  esbuildPlugins: [
    licencesOfBundledPackages("third-party-licences.txt"),
    commonJsEntries(Object.keys(serviceEntries)),
    moduleTypes(Object.keys(entries)),
  ],
  // Who wants the SDK gets the service too, so it has to be small. Names stay: errors and logs show them.
  minify: true,
  keepNames: true,
  // Bundled CommonJS libraries (fastify, pino) call `require` for Node's own modules.
  banner: {
    js: 'import { createRequire as createRequireOf } from "node:module";const require = createRequireOf(import.meta.url);',
  },
};

// What `dependencies` name stays outside; everything else that an entry uses is bundled into it.
export default defineConfig([
  sdk,
  service,
  { ...node, name: "transfer", entry: { "transfer/index": transfer }, format: ["esm", "cjs"] },
  { name: "types", entry: entries, format: ["cjs"], dts: { only: true } },
]);
