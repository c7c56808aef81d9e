import { posix, relative, sep } from "node:path";
import { isBuiltin } from "node:module";

/** The files of `service/arm` that its routes, its checks and its server stand on. */
const armGround = [
  "bodyLimits.ts",
  "context.ts",
  "cors.ts",
  "errors.ts",
  "parameters.ts",
  "resourcesInPath.ts",
  "responses.ts",
  "sameRequest.ts",
  "versions.ts",
].map((file) => `src/service/arm/${file}`);

/**
 * Folders and files of `src`, and what each may import, besides itself and packages from npm. `types` lists files from
 * which only types may be imported. `node` is `true` if all modules of Node.js are allowed, or a list of allowed modules.
 */
const rooms = {
  "src/models": { imports: [] },
  // The tables describe each shape; what reads and writes them knows no shape.
  "src/wire": { imports: ["src/models"] },
  "src/wire/unknownProperties.ts": { imports: ["src/wire", "src/models", "src/ground/nearestWord.ts"] },
  "src/wire/tables": { imports: ["src/wire", "src/models"] },
  "src/http": { imports: ["src/wire", "src/models", "src/ground/loopback.ts", "src/ground/systemErrors.ts"] },
  "src/operations": { imports: ["src/http", "src/wire", "src/models"] },
  "src/client.ts": { imports: ["src/operations", "src/http", "src/wire", "src/models"] },
  "src/connect.ts": {
    imports: ["src/client.ts", "src/http", "src/wire", "src/models", "src/ground/systemErrors.ts"],
  },
  "src/index.ts": {
    imports: ["src/client.ts", "src/connect.ts", "src/operations", "src/http", "src/wire", "src/models"],
  },

  // Transfers folders to and from the service. Callers pass the client, so types of the SDK are enough.
  "src/transfer": {
    imports: [
      "src/http/abort.ts",
      "src/http/abortError.ts",
      "src/http/copies.ts",
      "src/http/errorJson.ts",
      "src/ground/systemErrors.ts",
    ],
    types: ["src/index.ts"],
    node: true,
  },

  // Base of the file endpoint, the service and the command line. The pure files also run in browsers.
  "src/ground": {
    imports: ["src/ground/loopback.ts", "src/ground/systemErrors.ts", "src/ground/containment.ts"],
    node: true,
  },
  "src/ground/loopback.ts": { imports: [] },
  "src/ground/nearestWord.ts": { imports: [] },
  "src/ground/systemErrors.ts": { imports: [] },
  "src/ground/containment.ts": { imports: [] },
  "src/ground/shellQuoting.ts": { imports: [] },

  // The file endpoint. Its disk knows nothing of HTTP or of stored records, and its records nothing of shares.
  "src/files/errors.ts": { imports: [], node: [] },
  "src/files/times.ts": { imports: [], node: [] },
  "src/files/failures.ts": { imports: ["src/files/errors.ts", "src/ground"], node: true },
  "src/files/disk": { imports: ["src/files/errors.ts", "src/ground"], node: true },
  "src/files/records": {
    imports: ["src/files/disk/byteRanges.ts", "src/files/disk/identity.ts", "src/files/errors.ts", "src/ground"],
    node: true,
  },
  "src/files/http": {
    imports: ["src/files/records", "src/files/disk", "src/files/errors.ts", "src/files/times.ts", "src/ground"],
    node: true,
  },
  "src/files/access": {
    imports: ["src/files/http", "src/files/records", "src/files/disk/names.ts", "src/files/errors.ts", "src/ground"],
    node: true,
  },
  "src/files/shares": {
    imports: ["src/files/records", "src/files/disk", "src/files/errors.ts", "src/files/times.ts", "src/ground"],
    node: true,
  },
  "src/files/operations": {
    imports: [
      "src/files/shares",
      "src/files/access",
      "src/files/http",
      "src/files/records",
      "src/files/disk",
      "src/files/failures.ts",
      "src/files/errors.ts",
      "src/files/times.ts",
      "src/ground",
    ],
    node: true,
  },
  // What puts the endpoint together: src/files/index.ts and its neighbours.
  "src/files": { imports: ["src/files", "src/ground"], node: true },

  "src/service/logger.ts": { imports: [], node: true },
  "src/service/startError.ts": {
    imports: ["src/ground/systemErrors.ts", "src/ground/shortage.ts", "src/models"],
  },
  "src/service/state": {
    imports: ["src/ground", "src/service/logger.ts", "src/wire", "src/models"],
    types: ["src/service/engines/engine.ts", "src/service/nodes/machine.ts"],
    node: true,
  },
  "src/service/identity": {
    imports: ["src/service/state", "src/models", "src/service/logger.ts", "src/ground"],
    types: ["src/files/index.ts"],
    node: true,
  },
  "src/service/executionLog.ts": { imports: ["src/ground/withinTime.ts"], node: true },
  "src/service/abortable.ts": { imports: [] },
  "src/service/maskSecrets.ts": { imports: [] },
  "src/service/lastLines.ts": { imports: ["src/service/maskSecrets.ts"], node: true },
  "src/service/turns.ts": { imports: [], node: true },
  "src/service/duration.ts": { imports: [] },
  // Names of folders; what is in them is the business of others.
  "src/service/dataFolders.ts": {
    imports: ["src/ground", "src/service/mountRoot.ts"],
    types: ["src/service/launch/job.ts", "src/service/logger.ts"],
    node: true,
  },
  "src/service/nodes": {
    imports: ["src/ground", "src/service/duration.ts"],
    types: ["src/service/engines/engine.ts", "src/service/logger.ts"],
    node: true,
  },
  "src/service/keyVault.ts": { imports: [], types: ["src/wire/validate.ts"] },
  "src/service/words.ts": { imports: [], types: ["src/wire/validate.ts"] },
  "src/service/textLimits.ts": { imports: [] },
  "src/service/toolkits": {
    imports: ["src/service/words.ts", "src/models", "src/ground/shellQuoting.ts"],
    types: ["src/wire/validate.ts", "src/service/engines/engine.ts"],
  },
  "src/service/volumes": {
    imports: [
      "src/service/startError.ts",
      "src/service/keyVault.ts",
      "src/service/lastLines.ts",
      "src/ground",
      "src/wire",
      "src/models",
    ],
    types: [
      "src/service/engines/engine.ts",
      "src/service/state/store.ts",
      "src/service/logger.ts",
      "src/files/index.ts",
    ],
    node: true,
  },
  "src/service/launch": {
    imports: [
      "src/service/toolkits",
      "src/service/startError.ts",
      "src/service/textLimits.ts",
      "src/ground/containment.ts",
      "src/models",
    ],
    types: ["src/service/engines/engine.ts", "src/wire/validate.ts"],
    node: ["node:path/posix"],
  },
  // The contract and the registry know no engine; an engine knows no other one.
  "src/service/engines": {
    imports: ["src/service/startError.ts", "src/service/logger.ts", "src/ground/systemErrors.ts", "src/models"],
  },
  // What runs beside the processes of every engine: claim, steps, exit file.
  "src/service/engines/supervisor": {
    imports: [
      "src/service/engines/engine.ts",
      "src/service/engines/launchText.ts",
      "src/service/nodes",
      "src/service/abortable.ts",
      "src/service/executionLog.ts",
      "src/service/startError.ts",
      "src/service/logger.ts",
      "src/ground",
    ],
    node: true,
  },
  "src/service/engines/*": {
    imports: [
      "src/service/engines/engine.ts",
      "src/service/engines/launchText.ts",
      "src/service/engines/supervisor",
      "src/service/nodes",
      "src/service/abortable.ts",
      "src/service/executionLog.ts",
      "src/service/startError.ts",
      "src/service/logger.ts",
      "src/ground",
    ],
    node: true,
  },
  "src/service/scheduler": {
    imports: [
      "src/service/launch",
      "src/service/toolkits/toolkit.ts",
      "src/service/volumes",
      "src/service/nodes",
      "src/service/engines/engine.ts",
      "src/service/engines/engines.ts",
      "src/service/engines/supervisor/runFolders.ts",
      "src/service/state",
      "src/service/dataFolders.ts",
      "src/service/abortable.ts",
      "src/service/duration.ts",
      "src/service/executionLog.ts",
      "src/service/lastLines.ts",
      "src/service/turns.ts",
      "src/service/startError.ts",
      "src/service/logger.ts",
      "src/ground/systemErrors.ts",
      "src/ground/containment.ts",
      "src/ground/sizeText.ts",
      "src/ground/withinTime.ts",
      "src/wire",
      "src/models",
    ],
    node: true,
  },
  // The HTTP side: the server brings the routes together, routes ask checks, and all of them stand on the other files.
  "src/service/arm": {
    imports: [
      "src/service/scheduler",
      "src/service/state",
      "src/service/textLimits.ts",
      "src/service/logger.ts",
      "src/wire",
      "src/models",
    ],
    types: ["src/files/index.ts", "src/service/nodes/gpus.ts", "src/service/nodes/nodeTypes.ts"],
    node: true,
  },
  "src/service/arm/checks": {
    imports: [
      ...armGround,
      "src/service/launch/launchIssues.ts",
      "src/service/scheduler",
      "src/service/volumes",
      "src/service/toolkits",
      "src/service/state",
      "src/service/keyVault.ts",
      "src/service/words.ts",
      "src/service/textLimits.ts",
      "src/service/duration.ts",
      "src/wire",
      "src/models",
    ],
  },
  "src/service/arm/routes": {
    imports: [
      ...armGround,
      "src/service/arm/checks",
      "src/service/launch/launchIssues.ts",
      "src/service/scheduler",
      "src/service/volumes",
      "src/service/toolkits",
      "src/service/nodes",
      "src/service/state",
      "src/wire",
      "src/models",
    ],
    // SAS URLs for the files of a job come from the file endpoint that the service starts.
    types: ["src/files/index.ts"],
    node: true,
  },
  "src/service/arm/server.ts": {
    imports: [...armGround, "src/service/arm/routes", "src/service/identity", "src/service/logger.ts", "src/ground"],
    node: true,
  },
  // What puts the service together: src/service/index.ts and its neighbours.
  "src/service": {
    imports: [
      "src/service/arm",
      "src/service/identity",
      "src/service/scheduler",
      "src/service/volumes",
      "src/service/launch",
      "src/service/engines",
      "src/service/nodes",
      "src/service/state",
      "src/service/dataFolders.ts",
      "src/service/logger.ts",
      "src/files/index.ts",
      "src/ground",
      "src/wire",
      "src/models",
    ],
    node: true,
  },
  "src/cli": { imports: ["src/service/index.ts", "src/files/index.ts", "src/index.ts", "src/ground"], node: true },
};

const names = Object.keys(rooms).sort((a, b) => b.length - a.length);
// A `*` in a name is any one folder.
const patterns = new Map(names.map((name) => [name, new RegExp(`^${name.replaceAll("*", "[^/.]+")}(?=/|$)`)]));
const placeIn = (file, name) => patterns.get(name)?.exec(file)?.[0];
const within = (file, name) => file === name || file.startsWith(`${name}/`);
/** Returns the name of a file's room in the table, and the folder or file that it is. */
const roomOf = (file) => {
  const name = names.find((candidate) => placeIn(file, candidate) !== undefined);
  return name && { name, place: placeIn(file, name) };
};

const describe = (imports, types) =>
  [...imports, ...types.map((name) => `${name} (types only)`)].join(", ") || "nothing but itself";

function reportUnknown(context, file, node) {
  if (!file.startsWith("src/")) return;
  context.report({ node, messageId: "unknown", data: { room: posix.dirname(file) } });
}

/** A lint rule that reports imports from one folder to another that the table does not allow. */
export const arrows = {
  meta: {
    type: "problem",
    schema: [],
    messages: {
      room:
        "{{room}} must not import {{target}} (scripts/arrows.js; see Structure in CONTRIBUTING.md). " +
        "It may import: {{allowed}}.",
      unknown: "{{room}} has no row in scripts/arrows.js. Add one that says what it may import.",
      types: "{{room}} may import only types of {{target}}: write `import type`.",
      node: "{{room}} must not import {{target}}: {{reason}}.",
    },
  },
  create(context) {
    const file = relative(context.cwd, context.filename).split(sep).join("/");
    const own = roomOf(file);
    if (own === undefined) return { Program: (node) => reportUnknown(context, file, node) };
    const room = own.place;
    const { imports, types = [], node = false } = rooms[own.name];

    function check(source, typesOnly) {
      if (typeof source?.value !== "string") return;
      const target = source.value;
      const report = (messageId, data) => context.report({ node: source, messageId, data: { room, target, ...data } });

      if (isBuiltin(target)) {
        if (node === true || (Array.isArray(node) && node.includes(target))) return;
        const runsEverywhere = node === false && !room.startsWith("src/service/");
        report("node", {
          reason: runsEverywhere ? "it also runs in browsers, workers and edge runtimes" : "it is pure",
        });
      } else if (target.startsWith(".")) {
        const path = posix.join(posix.dirname(file), target);
        if (roomOf(path)?.place === room || imports.some((name) => within(path, name))) return;
        if (!types.includes(path)) {
          report("room", { target: path, allowed: describe(imports, types) });
        } else if (!typesOnly) {
          report("types", { target: path });
        }
      }
    }

    return {
      ImportDeclaration: (node) => {
        check(node.source, node.importKind === "type");
      },
      ExportNamedDeclaration: (node) => {
        check(node.source, node.exportKind === "type");
      },
      ExportAllDeclaration: (node) => {
        check(node.source, node.exportKind === "type");
      },
      ImportExpression: (node) => {
        check(node.source, false);
      },
      TSImportType: (node) => {
        check(node.source, true);
      },
    };
  },
};
