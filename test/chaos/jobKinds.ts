import type { Random } from "./random.ts";
import { stageMarker, type Stage } from "./stage.ts";

/** End that a job must have, unless somebody else ends it. */
export type Expectation =
  /** Exit code of its own, and one line for its end. */
  | "own exit code"
  /** The limit of its wall clock. */
  | "timed out"
  /** Its supervisor was killed. */
  | "lost"
  /** Any end: it damages what belongs to its run. */
  | "any end";

/** A kind of job, ordinary or hostile. */
export interface JobKind {
  readonly name: string;
  readonly weight: number;
  readonly expects: Expectation;
  /** Whether it leaves something in the place of its output files, so that another attempt cannot start. */
  readonly blocksNextAttempt?: true;
  /** Whether it is always a process: in a container, it cannot do what it is for. */
  readonly neverContained?: true;
  /** Whether its effect on the folder of its run is that of a job on this machine only. */
  readonly neverInSlurm?: true;
  readonly commandLine: (work: JobWork) => string;
  readonly properties?: (random: Random) => Record<string, unknown>;
}

/** Parts of a command line. They use builtins only, because a machine without free processes must not disturb them. */
interface JobWork {
  /** Appends the line of the start. */
  readonly start: string;
  /** Waits for some time, does nothing else. */
  readonly wait: string;
  /** Appends the line of the end, and exits with the code of the job. */
  readonly end: string;
}

/** Seconds after which jobs of the kind `limited` are stopped. */
export const limitInSeconds = 3;

const own: Pick<JobKind, "expects" | "weight"> = { expects: "own exit code", weight: 2 };
const any: Pick<JobKind, "expects" | "weight" | "neverInSlurm"> = { expects: "any end", weight: 1, neverInSlurm: true };
// The supervisor works in the folder of the run.
const engine = 'engine=$(readlink "/proc/$PPID/cwd")';

/** An ordinary job. */
export const plainJob: JobKind = {
  ...own,
  name: "plain",
  weight: 30,
  commandLine: ({ start, wait, end }) => `${start}; ${wait}; ${end}`,
};

/** A job that ends long before its limit. */
export const longLimitJob: JobKind = {
  ...own,
  name: "long-limit",
  weight: 6,
  commandLine: ({ start, wait, end }) => `${start}; ${wait}; ${end}`,
  properties: () => ({ constraints: { maxWallClockTime: "PT30M" } }),
};

/** A job that only its limit ends. */
export const limitedJob: JobKind = {
  name: "limited",
  weight: 4,
  expects: "timed out",
  commandLine: ({ start }) => `${start}; trap '${line("cut")}; exit 1' TERM; exec 9<> "$CHAOS_PIPE"; read -rt 300 -u 9`,
  properties: () => ({ constraints: { maxWallClockTime: `PT${limitInSeconds}S` } }),
};

/** All kinds of jobs. */
export const jobKinds: readonly JobKind[] = [
  plainJob,
  {
    ...own,
    name: "several-nodes",
    weight: 6,
    commandLine: ({ start, wait, end }) => `${start}; ${wait}; ${end}`,
    properties: (random) => ({ nodeCount: random.between(2, 3) }),
  },
  {
    ...own,
    name: "prepared",
    weight: 4,
    commandLine: ({ start, wait, end }) => `${start}; ${wait}; ${end}`,
    properties: () => ({ jobPreparation: { commandLine: "test -d ." } }),
  },
  longLimitJob,
  limitedJob,
  {
    name: "kills-supervisor",
    weight: 2,
    // The kernel does not let a container kill its first process.
    neverContained: true,
    neverInSlurm: true,
    expects: "lost",
    commandLine: ({ start, wait, end }) => `${start}; kill -KILL $PPID; ${wait}; ${wait}; ${wait}; ${end}`,
  },
  { ...own, name: "ignores-term", commandLine: ({ start, wait, end }) => `trap '' TERM; ${start}; ${wait}; ${end}` },
  {
    ...own,
    name: "floods",
    commandLine: ({ start, end }) =>
      `${start}; printf -v text '%65536s' x; for i in {1..32}; do echo "$text"; done; ${end}`,
  },
  {
    ...own,
    name: "daemons",
    commandLine: ({ start, wait, end }) =>
      `${start}; setsid sleep 300 & (setsid sleep 300 > /dev/null 2>&1 &); trap '' HUP; ${wait}; ${end}`,
  },
  {
    ...own,
    name: "links",
    commandLine: ({ start, end }) =>
      `${start}; ln -s / root; ln -s "$CHAOS_STAGE/disk" disk; ln -s / "$AZ_BATCHAI_OUTPUT_OUT/root"; ` +
      `ln -s .. "$AZ_BATCHAI_OUTPUT_OUT/up"; ln -s loop "$AZ_BATCHAI_OUTPUT_OUT/loop"; ${end}`,
  },
  {
    ...own,
    name: "pipes",
    blocksNextAttempt: true,
    commandLine: ({ start, wait, end }) =>
      `${start}; cd "$AZ_BATCHAI_STDOUTERR_DIR"; rm -f stdout.txt execution.log; mkfifo stdout.txt execution.log; ` +
      `mkfifo "$AZ_BATCHAI_OUTPUT_OUT/pipe"; ${wait}; ${end}`,
  },
  {
    ...own,
    name: "read-only",
    commandLine: ({ start, end }) =>
      `${start}; mkdir -p ro/in; : > ro/in/file; chmod 500 ro/in; chmod 0 ro; chmod 500 . "$AZ_BATCHAI_OUTPUT_OUT"; ${end}`,
  },
  {
    ...own,
    name: "odd-names",
    commandLine: ({ start, end }) =>
      `${start}; cd "$AZ_BATCHAI_OUTPUT_OUT"; : > $'line\\nbreak'; : > $'tab\\t'; : > 'back\\slash'; : > $'\\xff\\xfe'; ` +
      `: > $'\\x01'; : > ' '; mkdir $'odd\\nfolder'; : > $'odd\\nfolder/file'; ${end}`,
  },
  { ...own, name: "deletes-scratch", commandLine: ({ start, end }) => `${start}; rm -rf "$PWD" "$PWD/.."; ${end}` },
  {
    ...any,
    name: "deletes-run",
    commandLine: ({ start, wait, end }) => `${start}; ${engine}; rm -rf "$engine"; ${wait}; ${end}`,
  },
  {
    ...any,
    name: "empties-run",
    commandLine: ({ start, wait, end }) => `${start}; ${engine}; rm -rf "$engine"/*; ${wait}; ${end}`,
  },
  {
    ...any,
    name: "garbage-exit",
    commandLine: ({ start, wait, end }) =>
      `${start}; ${engine}; echo '{"kind":"odd"}' > "$engine/exit.json"; ${wait}; ${end}`,
  },
  {
    ...any,
    name: "folder-exit",
    commandLine: ({ start, wait, end }) => `${start}; ${engine}; mkdir "$engine/exit.json"; ${wait}; ${end}`,
  },
  {
    ...any,
    name: "garbage-claim",
    commandLine: ({ start, wait, end }) => `${start}; ${engine}; echo odd > "$engine/claim"; ${wait}; ${end}`,
  },
  {
    ...any,
    name: "folder-claim",
    commandLine: ({ start, wait, end }) =>
      `${start}; ${engine}; rm "$engine/claim"; mkdir "$engine/claim"; ${wait}; ${end}`,
  },
];

/** Returns the body of a new job. */
export function jobBody(
  kind: JobKind,
  job: { readonly name: string; readonly exitCode: number; readonly seconds: number; readonly cluster: string },
  { stage, random, image }: { readonly stage: Stage; readonly random: Random; readonly image?: string | undefined },
): { properties: Record<string, unknown> } {
  const commandLine = kind.commandLine({
    start: line("start"),
    wait: `exec 9<> "$CHAOS_PIPE"; read -rt ${job.seconds} -u 9`,
    end: `${line("end")}; exit ${job.exitCode}`,
  });
  const variables = {
    [stageMarker]: stage.folder,
    CHAOS_JOB: job.name,
    CHAOS_LINES: stage.lines,
    CHAOS_PIPE: stage.pipe,
  };
  const isContained = image !== undefined && kind.neverContained !== true && random.chance(0.75);
  return {
    properties: {
      cluster: { id: job.cluster },
      ...(isContained ? { containerSettings: { imageSourceRegistry: { image } } } : {}),
      nodeCount: 1,
      stdOutErrPathPrefix: "$AZ_BATCHAI_MOUNT_ROOT/share",
      outputDirectories: [{ id: "OUT", pathPrefix: "$AZ_BATCHAI_MOUNT_ROOT/share" }],
      environmentVariables: Object.entries(variables).map(([name, value]) => ({ name, value })),
      customToolkitSettings: { commandLine },
      ...kind.properties?.(random),
    },
  };
}

/** Appends a line with the name of the job, its run and the uptime of the machine. */
function line(what: string): string {
  return `read -r up _ < /proc/uptime; printf "${what} %s %s %s\\n" "$CHAOS_JOB" "$BATCHAI_RUN_ID" "$up" >> "$CHAOS_LINES"`;
}
