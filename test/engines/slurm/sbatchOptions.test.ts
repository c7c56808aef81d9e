import { describe, expect, it } from "vitest";
import { sbatchOptions } from "../../../src/service/engines/slurm/sbatchOptions.ts";
import { submissionOf } from "./stubs.ts";

describe("options of sbatch", () => {
  it("ask for what an allocation says", () => {
    const allocation = {
      partition: "gpu",
      account: "lab",
      qos: "long",
      constraint: "v100",
      gpuType: "tesla",
      extraOptions: ["--exclusive", "--reservation=maint_1"],
      gpusPerNode: 4,
      coresPerNode: 24,
      memoryPerNodeInBytes: 220 * 1024 ** 3,
      priority: -300,
      timeLimitInSeconds: 3601,
    };
    expect(sbatchOptions(submissionOf({ allocation, nodeCount: 3 }))).toEqual([
      "--exclusive",
      "--reservation=maint_1",
      "--parsable",
      "--export=NONE",
      "--no-requeue",
      "--job-name=batchai-s1-r1",
      "--nodes=3",
      "--ntasks-per-node=1",
      "--partition=gpu",
      "--account=lab",
      "--qos=long",
      "--constraint=v100",
      "--gres=gpu:tesla:4",
      "--cpus-per-task=24",
      "--mem=225280M",
      "--nice=300",
      "--time=61",
      "--output=/shared/run/output",
    ]);
  });

  it("leave to Slurm what an allocation does not say", () => {
    expect(sbatchOptions(submissionOf({ allocation: { gpusPerNode: 0, priority: 500 } }))).toEqual([
      "--parsable",
      "--export=NONE",
      "--no-requeue",
      "--job-name=batchai-s1-r1",
      "--nodes=1",
      "--ntasks-per-node=1",
      "--output=/shared/run/output",
    ]);
  });

  it("never ask for all memory of a node", () => {
    const options = sbatchOptions(submissionOf({ allocation: { gpusPerNode: 0, memoryPerNodeInBytes: 1000 } }));
    expect(options).toContain("--mem=1M");
  });

  it.each([
    ["/a/100%", "--output=/a/100%%"],
    ["/a/%j\\%x", "--output=/a/%j\\\\%x"],
    ["/a b/$(id)\n#SBATCH --wrap", "--output=/a b/$(id)\n#SBATCH --wrap"],
  ])("keep Slurm from replacing anything in the path %j", (output, option) => {
    expect(sbatchOptions(submissionOf({ output })).at(-1)).toBe(option);
  });

  it.each(["a b", "a\n#SBATCH --export=ALL", "$(id)", "`id`", "'", '"', "", "a;b", "a&b", "é"])(
    "refuse the value %j",
    (partition) => {
      expect(() => sbatchOptions(submissionOf({ allocation: { gpusPerNode: 0, partition } }))).toThrow(
        `Cannot give the value ${JSON.stringify(partition)} of --partition to sbatch. ` +
          "Use only letters, digits and _ . / : = , @ + -",
      );
    },
  );

  it.each(["exclusive", "-p", "--a b", "--comment=a b", "--x=\n", "--", "--A"])("refuse the option %j", (option) => {
    const allocation = { gpusPerNode: 0, extraOptions: [option] };
    expect(() => sbatchOptions(submissionOf({ allocation }))).toThrow(`the option ${JSON.stringify(option)}`);
  });
});
