import { setTimeout as delay } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { SlurmError, SlurmRefusal } from "../../../src/service/engines/slurm/slurmErrors.ts";
import { until } from "../../until.ts";
import { lineOf, Stubs, submissionOf } from "./stubs.ts";

/** Returns whether a process exists that is not a zombie. */
function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

const policy =
  "Batch job submission failed: Job violates accounting/QOS policy (job submit limit, user's size and/or time limits)";

describe("sbatch", () => {
  it.each([
    ["42", "42"],
    ["42;cluster", "42"],
    ["Welcome to the cluster!\n  12 nodes\n7\n42", "42"],
  ])("returns the ID that it prints: %j", async (text, id) => {
    const stubs = new Stubs();
    stubs.behave("sbatch", `echo "sbatch: warning: quiet please" >&2; cat <<'END'\n${text}\nEND`);
    expect(await stubs.commands().submit(submissionOf())).toBe(id);
  });

  it("gives any text to the script byte for byte", async () => {
    const stubs = new Stubs();
    stubs.behave("sbatch", "echo 1");
    const args = ["'", '"', "a\nb", "$(id)", "`id`", "#SBATCH --wrap=id", "--export=ALL", "é\u{1F600}", "", "-p"];
    await stubs.commands().submit(submissionOf({ args, script: "/a b/$x" }));
    expect(stubs.calls("sbatch")[0]?.slice(-args.length - 1)).toEqual(["/a b/$x", ...args]);
  });

  it("gets no variables of Slurm but those that find it", async () => {
    const stubs = new Stubs();
    stubs.behave("sbatch", `env > ${stubs.folder}/env; pwd > ${stubs.folder}/pwd; echo 1`);
    const variables = {
      SBATCH_EXPORT: "ALL",
      SLURM_JOB_ID: "9",
      SQUEUE_FORMAT: "x",
      SLURM_TIME_FORMAT: "%s",
      SLURM_CONF: "/etc/our.conf",
      LANG: "de_DE",
      OTHER: "1",
    };
    await stubs.commands({ variables }).submit(submissionOf());
    const names = stubs.read("env").split("\n");
    expect(names.filter((name) => /^(?:SLURM|SBATCH|SQUEUE)/.test(name))).toEqual(["SLURM_CONF=/etc/our.conf"]);
    expect(names).toContain("OTHER=1");
    expect(names).toContain("LC_ALL=C");
    expect(stubs.read("pwd")).toBe("/\n");
  });

  it.each([
    [
      "sbatch: error: invalid partition specified: nope\nsbatch: error: Batch job submission failed: Invalid partition name specified",
      "invalid partition specified: nope; Batch job submission failed: Invalid partition name specified",
    ],
    [
      "sbatch: error: Batch job submission failed: Requested node configuration is not available",
      "Batch job submission failed: Requested node configuration is not available",
    ],
    [
      `sbatch: error: AssocMaxWallDurationPerJobLimit\nsbatch: error: ${policy}`,
      `AssocMaxWallDurationPerJobLimit; ${policy}`,
    ],
    [
      "/usr/bin/sbatch: unrecognized option '--foo=1'\nTry \"sbatch --help\" for more information",
      "unrecognized option '--foo=1'",
    ],
  ])("refuses a job for good: %j", async (words, message) => {
    const stubs = new Stubs();
    stubs.behave("sbatch", `cat >&2 <<'END'\n${words}\nEND\nexit 1`);
    const error: unknown = await stubs
      .commands()
      .submit(submissionOf())
      .catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(SlurmRefusal);
    expect(error).toHaveProperty("message", message);
  });

  it.each([
    "sbatch: error: Batch job submission failed: Unable to contact slurm controller (connect failure)",
    "sbatch: error: Batch job submission failed: Socket timed out on send/recv operation",
    "sbatch: error: Batch job submission failed: Zero Bytes were transmitted or received",
    "sbatch: error: Slurm temporarily unable to accept job, sleeping and retrying",
    `sbatch: error: AssocMaxSubmitJobLimit\nsbatch: error: ${policy}`,
    `sbatch: error: ${policy}`,
    "sbatch: error: Batch job submission failed: Required partition not available (inactive or drain)",
    "sbatch: error: Munge encode failed: No socket\nsbatch: error: Batch job submission failed: Protocol authentication error",
    "sbatch: error: fetch_config: DNS SRV lookup failed\nsbatch: fatal: Could not establish a configuration source",
    "sbatch: error: Unable to open file /shared/run/script",
    "Segmentation fault",
    "",
  ])("does not take a passing error for a refusal: %j", async (words) => {
    const stubs = new Stubs();
    stubs.behave("sbatch", `cat >&2 <<'END'\n${words}\nEND\nexit 1`);
    const error: unknown = await stubs
      .commands()
      .submit(submissionOf())
      .catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(SlurmError);
    expect(error).not.toBeInstanceOf(SlurmRefusal);
  });

  it("does not take an answer without an ID for success", async () => {
    const stubs = new Stubs();
    stubs.behave("sbatch", "echo Submitted batch job 42");
    await expect(stubs.commands().submit(submissionOf())).rejects.toThrow(
      "sbatch ended with exit code 0 and printed: Submitted batch job 42.",
    );
  });

  it("is killed with its children when its time is up", async () => {
    const stubs = new Stubs();
    stubs.behave("sbatch", `sleep 1000 & echo $! > ${stubs.folder}/pid; wait`);
    await expect(stubs.commands({ limitInMs: 500 }).submit(submissionOf())).rejects.toThrow(
      "sbatch did not end in time and was killed.",
    );
    await until("the child has ended", () => !isAlive(Number(stubs.read("pid"))));
  });

  it("is killed when the engine is closed", async () => {
    const stubs = new Stubs();
    stubs.behave("sbatch", `echo $$ > ${stubs.folder}/pid; sleep 1000`);
    const submitting = stubs.commands().submit(submissionOf());
    submitting.catch(() => undefined);
    await until("it runs", () => stubs.calls("sbatch").length === 1 && stubs.has("pid"));
    stubs.close();
    await expect(submitting).rejects.toHaveProperty("name", "AbortError");
    await until("it has ended", () => !isAlive(Number(stubs.read("pid"))));
  });

  it("runs at most four times at a time", async () => {
    const stubs = new Stubs();
    stubs.behave("sbatch", `until [[ -e ${stubs.folder}/go ]]; do sleep 0.02; done; echo 5`);
    const commands = stubs.commands();
    const submits = Array.from({ length: 10 }, () => commands.submit(submissionOf()));
    await until("four run", () => stubs.calls("sbatch").length === 4);
    await delay(200);
    expect(stubs.calls("sbatch")).toHaveLength(4);
    stubs.write("go", "");
    expect(await Promise.all(submits)).toEqual(Array.from({ length: 10 }, () => "5"));
  });

  it("fails for the moment if it is not in PATH", async () => {
    const stubs = new Stubs();
    const commands = stubs.commands({ variables: { PATH: stubs.folder } });
    await expect(commands.submit(submissionOf())).rejects.toMatchObject({
      code: "Shortage",
      message: "The program sbatch of Slurm is not in PATH.",
    });
    await expect(commands.list()).rejects.toThrow("The program squeue of Slurm is not in PATH.");
  });

  it("never gets a name of others", async () => {
    const stubs = new Stubs();
    for (const name of ["", "batchai-", "mine", "batchai-a b", "batchai-a,b"]) {
      await expect(stubs.commands().submit(submissionOf({ name }))).rejects.toThrow(TypeError);
      await expect(stubs.commands().cancel(name)).rejects.toThrow(TypeError);
    }
  });
});

describe("squeue", () => {
  it("lists the jobs of services", async () => {
    const stubs = new Stubs();
    const lines = [
      "7|PENDING|ReqNodeNotAvail, UnavailableNodes:n1|2026-11-29T08:00:00||2026-11-28T18:15:02|batchai-s1-r1",
      "8_[1-3]|RUNNING|None|2026-11-28T18:15:03|n[1-4]|2026-11-28T18:15:02|somebody's | job",
      "9|RUNNING|None|2026-11-28T18:15:03|n[1-4]|Unknown|batchai-s1-r2",
    ];
    stubs.behave("squeue", `cat <<'END'\n${lines.join("\n")}\nEND`);
    expect(await stubs.commands().list()).toEqual({
      jobs: [
        {
          id: "7",
          name: "batchai-s1-r1",
          state: "PENDING",
          reason: "ReqNodeNotAvail, UnavailableNodes:n1",
          startsOn: new Date("2026-11-29T08:00:00"),
          nodeList: "",
          submittedOn: new Date("2026-11-28T18:15:02"),
        },
        {
          id: "9",
          name: "batchai-s1-r2",
          state: "RUNNING",
          reason: "None",
          startsOn: new Date("2026-11-28T18:15:03"),
          nodeList: "n[1-4]",
        },
      ],
    });
    const user = String(process.getuid?.());
    expect(stubs.calls("squeue")).toEqual([["-h", "-t", "all", "-o", "%i|%T|%r|%S|%N|%V|%j", "-u", user]]);
  });

  it("says that nothing is queued only if it prints nothing and succeeds", async () => {
    const stubs = new Stubs();
    stubs.behave("squeue", "exit 0");
    expect(await stubs.commands().list()).toEqual({ jobs: [] });
    stubs.behave("squeue", "echo 'slurm_load_jobs error: Unable to contact slurm controller' >&2; exit 1");
    await expect(stubs.commands().list()).rejects.toThrow(
      "squeue ended with exit code 1 and printed: slurm_load_jobs error: Unable to contact slurm controller.",
    );
    stubs.behave("squeue", "kill -SEGV $$");
    await expect(stubs.commands().list()).rejects.toThrow("squeue was killed and printed nothing.");
  });

  it.each([
    ["slurm_load_jobs error: Unable to contact slurm controller\n", "slurm_load_jobs error"],
    [`${lineOf("batchai-s1-r1")}\n9|RUNN`, "9|RUNN"],
    [`${lineOf("batchai-s1-r1")}\n${lineOf("batchai-s1-r12").slice(0, -1)}`, "batchai-s1-r1"],
    [`Welcome!\n${lineOf("batchai-s1-r1")}\n`, "Welcome!"],
    ["\u0000\u0001\ufffd\n", ""],
  ])("says what cannot be read: %j", async (text, damage) => {
    const stubs = new Stubs();
    stubs.write("text", text);
    stubs.behave("squeue", `cat ${stubs.folder}/text`);
    const listing = await stubs.commands().list();
    expect(listing.damage).toContain(damage);
    expect(listing.jobs.map(({ name }) => name)).toEqual(text.includes("PENDING") ? ["batchai-s1-r1"] : []);
  });

  it("reads 10,000 jobs in less than a second of processor time", async () => {
    const stubs = new Stubs();
    const lines = Array.from({ length: 10_000 }, (_, index) => lineOf(`batchai-s1-r${String(index)}`));
    stubs.write("text", `${lines.join("\n")}\n`);
    stubs.behave("squeue", `cat ${stubs.folder}/text`);
    const before = process.cpuUsage();
    expect((await stubs.commands().list()).jobs).toHaveLength(10_000);
    const { user, system } = process.cpuUsage(before);
    expect((user + system) / 1e6).toBeLessThan(1);
  });
});

describe("scancel", () => {
  it("ends jobs by their name", async () => {
    const stubs = new Stubs();
    stubs.behave("scancel", "exit 0");
    await stubs.commands().cancel("batchai-s1-r1");
    await stubs.commands().cancel("batchai-s1-r1", "processes");
    const [name, user] = ["--name=batchai-s1-r1", `--user=${String(process.getuid?.())}`];
    expect(stubs.calls("scancel")).toEqual([
      [name, user],
      ["--full", "--signal=KILL", name, user],
    ]);
  });

  it("reports that Slurm has not taken the order", async () => {
    const stubs = new Stubs();
    stubs.behave("scancel", "echo 'scancel: error: Kill job error on job id 7: Socket timed out' >&2; exit 1");
    await expect(stubs.commands().cancel("batchai-s1-r1")).rejects.toThrow(SlurmError);
  });
});

describe("scontrol", () => {
  it("knows a job only by its ID and its name", async () => {
    const stubs = new Stubs();
    stubs.behave("scontrol", "echo 'JobId=7 JobName=batchai-s1-r1 UserId=me(7) Command=/x JobState=RUNNING'");
    expect(await stubs.commands().knows("7", "batchai-s1-r1")).toBe(true);
    expect(await stubs.commands().knows("7", "batchai-s1-r")).toBe(false);
    stubs.behave("scontrol", "echo 'slurm_load_jobs error: Invalid job id specified' >&2; exit 1");
    expect(await stubs.commands().knows("7", "batchai-s1-r1")).toBe(false);
    stubs.behave("scontrol", "echo 'slurm_load_jobs error: Unable to contact slurm controller' >&2; exit 1");
    await expect(stubs.commands().knows("7", "batchai-s1-r1")).rejects.toThrow(SlurmError);
  });

  it("names the hosts", async () => {
    const stubs = new Stubs();
    stubs.behave("scontrol", "printf 'n1\\nn2\\nm7\\n'");
    expect(await stubs.commands().hostsOf("n[1-2],m7")).toEqual(["n1", "n2", "m7"]);
    expect(await stubs.commands().hostsOf("n1,m-7.lab")).toEqual(["n1", "m-7.lab"]);
    expect(await stubs.commands().hostsOf("")).toEqual([]);
    expect(stubs.calls("scontrol")).toEqual([["show", "hostnames", "n[1-2],m7"]]);
  });

  it("tells how long ended jobs are listed", async () => {
    const stubs = new Stubs();
    stubs.behave("scontrol", "echo 'MinJobAge               = 300 sec'");
    expect(await stubs.commands().minJobAgeInMs()).toBe(300_000);
    stubs.behave("scontrol", "echo 'MinJobAge               = 0 sec'");
    expect(await stubs.commands().minJobAgeInMs()).toBeUndefined();
    stubs.behave("scontrol", "echo Welcome");
    await expect(stubs.commands().minJobAgeInMs()).rejects.toThrow("scontrol did not tell MinJobAge");
  });
});
