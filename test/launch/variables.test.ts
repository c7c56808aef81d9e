import { describe, expect, it } from "vitest";
import type { EnvironmentVariable } from "../../src/models/environment.ts";
import type { LaunchPlan } from "../../src/service/engines/engine.ts";
import { runMarker } from "../../src/service/engines/supervisor/supervisorScript.ts";
import { planJob } from "../../src/service/launch/job.ts";
import { lookupIn, replaceVariables } from "../../src/service/launch/variables.ts";
import { StartError } from "../../src/service/startError.ts";
import { mountMarker } from "../../src/service/volumes/mountProcesses.ts";
import { jobContext } from "./context.ts";

function environmentWith(...variables: EnvironmentVariable[]): LaunchPlan["environment"] {
  const nodeEnvironment = { PATH: "/usr/bin", HOME: "/root" };
  return planJob(jobContext({ environmentVariables: variables }, { nodeEnvironment })).plan.environment;
}

describe("expanding variables", () => {
  const known = { A: "1", AB: "2", C: "$A" };
  const cases: [string, string, string][] = [
    ["plain and braced names", "$A/${AB}", "1/2"],
    ["the longest name", "$AB $A_ ${A}B", "2 $A_ 1B"],
    ["each value once", "$C", "$A"],
    ["unknown names to themselves", "$NO ${NO}", "$NO ${NO}"],
    ["nothing else", "$(A) `A` $$ $1 ${A:-x} \\$ ~ *", "$(A) `A` $$ $1 ${A:-x} \\$ ~ *"],
    ["no inherited names", "$constructor ${toString}", "$constructor ${toString}"],
  ];
  const tooLong = () => new StartError("InvalidEnvironmentVariable", "too long");
  it.each(cases)("expands %s", (_, text, result) => {
    expect(replaceVariables(text, lookupIn(known), tooLong)).toBe(result);
  });

  it("stops before it builds a long text", () => {
    const long = { A: "x".repeat(100_000) };
    expect(() => replaceVariables("$A".repeat(50_000), lookupIn(long), tooLong)).toThrow("too long");
  });
});

describe("the user's variables", () => {
  it("may use the service's, each other and the node's", () => {
    const environment = environmentWith(
      { name: "WEIGHTS", value: "${BASE}/w.bin" },
      { name: "BASE", value: "$AZ_BATCHAI_JOB_TEMP/base" },
      { name: "PATH", value: "$BASE/bin:$PATH" },
    );
    expect(environment.WEIGHTS).toBe("/data/nodes/tvm-1/run-1/base/w.bin");
    expect(environment.PATH).toBe("/data/nodes/tvm-1/run-1/base/bin:/usr/bin");
  });

  it("may be used by paths", () => {
    const { outputs } = planJob(
      jobContext({
        environmentVariables: [{ name: "WHERE", value: "$AZ_BATCHAI_JOB_MOUNT_ROOT/logs" }],
        outputDirectories: [{ id: "O", pathPrefix: "$WHERE" }],
      }),
    );
    expect(outputs.O).toMatch(/^\/roots\/j-1\/mounts\/logs\/.*\/outputs$/);
  });

  it("keep a circle as it is instead of following it for ever", () => {
    const environment = environmentWith({ name: "A", value: "a$B" }, { name: "B", value: "b$A" });
    expect(environment.A).toBe("ab$A");
  });

  it("keep every other byte", () => {
    const value = "a\n'b'\"c\" `id` $(id) \\ $6$salt #SBATCH ünï 🚀";
    expect(environmentWith({ name: "ODD", value }).ODD).toBe(value);
  });

  it("may have the names of inherited properties", () => {
    const environment = environmentWith({ name: "__proto__", value: "x" }, { name: "constructor", value: "y" });
    expect(Object.entries(environment)).toEqual(
      expect.arrayContaining([
        ["__proto__", "x"],
        ["constructor", "y"],
      ]),
    );
  });

  const refused: [string, EnvironmentVariable, string][] = [
    ["an empty name", { name: "", value: "" }, "name"],
    ["a name with =", { name: "A=B", value: "" }, "name"],
    ["a name of the service", { name: "AZ_BATCHAI_JOB_TEMP", value: "/" }, "name"],
    ["a NUL character", { name: "A", value: "a\0b" }, "value"],
  ];
  it("may not be hidden by a secret of that name, whatever the service sets", () => {
    const outputDirectories = [{ id: "M", pathPrefix: "$AZ_BATCHAI_JOB_MOUNT_ROOT" }];
    for (const name of [
      "AZ_BATCHAI_OUTPUT_M",
      "AZ_BATCHAI_MOUNT_ROOT",
      "AZ_BATCHAI_STDOUTERR_DIR",
      runMarker,
      mountMarker,
    ]) {
      expect(() => planJob(jobContext({ outputDirectories, secrets: [{ name: "FINE" }, { name }] }))).toThrow(
        expect.objectContaining({ code: "InvalidEnvironmentVariable", target: "properties.secrets[1].name" }),
      );
    }
  });

  it.each([runMarker, mountMarker])("must not be named %s, by which the service finds its processes", (name) => {
    expect(() => environmentWith({ name, value: "1" })).toThrow(
      expect.objectContaining({
        code: "InvalidEnvironmentVariable",
        reason: expect.stringContaining("is set by") as string,
      }),
    );
  });

  it.each(refused)("must not have %s", (_, variable, part) => {
    expect(() => environmentWith(variable)).toThrow(
      expect.objectContaining({
        code: "InvalidEnvironmentVariable",
        target: `properties.environmentVariables[0].${part}`,
      }),
    );
  });
});
