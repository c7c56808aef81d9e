import { describe, expect, it } from "vitest";
import { openNodeTypes } from "../../src/service/nodes/ownNodeTypes.ts";

/** Opens node types with one type, as a JSON file may have it. */
const open = (members: Record<string, unknown>) => openNodeTypes({ BIG: members }).of("BIG");

describe("node types in Slurm", () => {
  it("have what their members say", () => {
    const members = {
      ...{ engine: "slurm", gpus: 4, cores: 24, memoryInGB: 2, partition: "gpu,gpu2", account: "lab-1", qos: "high" },
      ...{ constraint: "v100", gpuType: "tesla:v100", scratchDir: "/local/scratch/", maxWallClockTime: "P2DT1H" },
      extraOptions: ["--exclusive", "--reservation=course_2026", "--exclude=n1,n2"],
    };
    expect(open(members)).toEqual({
      ...{ gpus: 4, cores: 24, memoryInBytes: 2 * 1024 ** 3 },
      slurm: {
        ...{ partition: "gpu,gpu2", account: "lab-1", qos: "high", constraint: "v100", gpuType: "tesla:v100" },
        ...{ scratchDirectory: "/local/scratch", maxWallClockTimeInSeconds: 49 * 3600 },
        extraOptions: ["--exclusive", "--reservation=course_2026", "--exclude=n1,n2"],
      },
    });
    expect(open({ engine: "slurm" })).toEqual({ gpus: 0, slurm: {} });
  });

  it("have no GPUs of this machine", () => {
    const types = openNodeTypes({ STANDARD_NC24: { engine: "slurm" }, OTHER: { gpus: 2 } });
    expect(types.of("STANDARD_NC24")).toMatchObject({ gpus: 4, cores: 24, slurm: {} });
    expect([types.gpusOfMachine("STANDARD_NC24"), types.gpusOfMachine("OTHER")]).toEqual([0, 2]);
    expect(types.slotsOf("STANDARD_NC24")).toBe(4);
    expect(types.inSlurm).toHaveLength(1);
    expect(openNodeTypes().inSlurm).toEqual([]);
  });

  it.each<[Record<string, unknown>, RegExp]>([
    [{ partition: "gpu" }, /^nodeTypes: node type "BIG": partition needs the member "engine": "slurm"\.$/],
    [{ extraOptions: [] }, /"BIG": extraOptions needs the member "engine"/],
    [{ engine: "docker" }, /"BIG": engine must be "slurm" or left out, got "docker"\./],
    [{ engine: "slurm", partition: "gpu --wrap=id" }, /partition must be a text of letters.*got "gpu --wrap=id"/],
    [{ engine: "slurm", partition: "--wrap=id" }, /partition must be a text of letters/],
    [{ engine: "slurm", account: "a\n#SBATCH --array=1-9" }, /account must be/],
    [{ engine: "slurm", qos: "$(id)" }, /qos must be/],
    [{ engine: "slurm", constraint: "a|b" }, /constraint must be/],
    [{ engine: "slurm", gpuType: "" }, /gpuType must be/],
    [{ engine: "slurm", gpuType: 3 }, /gpuType must be .* got 3\./],
    [{ engine: "slurm", scratchDir: "scratch" }, /scratchDir must be an absolute path/],
    [{ engine: "slurm", scratchDir: "/" }, /scratchDir must be/],
    [{ engine: "slurm", scratchDir: "/a/../etc" }, /scratchDir must be/],
    [{ engine: "slurm", scratchDir: "/with blank" }, /scratchDir must be/],
    [{ engine: "slurm", maxWallClockTime: "2 days" }, /maxWallClockTime must be an ISO 8601 duration/],
    [{ engine: "slurm", maxWallClockTime: "-P1D" }, /maxWallClockTime must be/],
    [{ engine: "slurm", extraOptions: "--exclusive" }, /extraOptions must be a list/],
    [{ engine: "slurm", extraOptions: ["-n2"] }, /extraOptions\[0\] must be an option of sbatch/],
    [{ engine: "slurm", extraOptions: ["--exclusive", "--comment=a b"] }, /extraOptions\[1\] must be/],
    [{ engine: "slurm", extraOptions: ["--comment="] }, /extraOptions\[0\] must be/],
    [{ engine: "slurm", extraOptions: ["--comment=a\n"] }, /extraOptions\[0\] must be/],
    [{ engine: "slurm", extraOptions: ["--partition=a"] }, /use partition of the node type instead of --partition\./],
    [{ engine: "slurm", extraOptions: ["--mem=4G"] }, /use memoryInGB of the node type instead of --mem\./],
    [{ engine: "slurm", extraOptions: ["--array=1-9"] }, /the service itself decides --array\. Leave it out\./],
    [{ engine: "slurm", extraOptions: ["--wra=id"] }, /the service itself decides --wrap\./],
    [{ engine: "slurm", extraOptions: ["--requeue"] }, /the service itself decides --requeue\./],
    [{ engine: "slurm", extraOptions: ["--exp=ALL"] }, /the service itself decides --export\./],
    [{ engine: "slurm", color: 1 }, /unknown member "color". Members are gpus, .*, partition, .*extraOptions\./],
  ])("reject %j", (members, message) => {
    expect(() => open(members)).toThrow(message);
  });
});
