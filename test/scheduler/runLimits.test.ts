import { describe, expect, it } from "vitest";
import { limitsOf } from "../../src/service/scheduler/runLimits.ts";

const gib = 1024 ** 3;
const node = { machine: { cores: 8, memoryInBytes: 32 * gib } };

describe("the limits of a run", () => {
  it("are those of the types of its nodes together", () => {
    expect(limitsOf({ gpus: 0, cores: 2, memoryInBytes: 4 * gib }, [node, node])).toEqual({
      cores: 4,
      memoryInBytes: 8 * gib,
    });
  });

  it("are absent where the machine has no more, or the type has none", () => {
    expect(limitsOf({ gpus: 0, cores: 8, memoryInBytes: 16 * gib }, [node])).toEqual({ memoryInBytes: 16 * gib });
    expect(limitsOf({ gpus: 0, cores: 4, memoryInBytes: 16 * gib }, [node, node])).toBeUndefined();
    expect(limitsOf({ gpus: 4 }, [node])).toBeUndefined();
  });
});
