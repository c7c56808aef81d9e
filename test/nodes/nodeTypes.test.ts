import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { NodeTypes } from "../../src/service/nodes/nodeTypes.ts";
import { type NodeTypesOption, openNodeTypes } from "../../src/service/nodes/ownNodeTypes.ts";

const gib = 1024 ** 3;

describe("the node types of Azure", () => {
  it.each<[string, number, number, number]>([
    ["STANDARD_NC6", 6, 56, 1],
    ["standard_nc24rs_v3", 24, 448, 4],
    ["NC6", 6, 56, 1],
    ["Standard_NC16as_T4_v3", 16, 110, 1],
    ["Standard_ND40rs_v2", 40, 672, 8],
    ["Standard_NV12s_v3", 12, 112, 1],
    ["Standard_NC6_Promo", 6, 56, 1],
    ["Basic_A1", 1, 1.75, 0],
    ["Standard_A8m_v2", 8, 64, 0],
    ["Standard_DS3_v2", 4, 14, 0],
    ["Standard_D5_v2_Promo", 16, 56, 0],
    ["Standard_DS14-4_v2", 4, 112, 0],
    ["Standard_D64s_v3", 64, 256, 0],
    ["Standard_E64is_v3", 64, 432, 0],
    ["Standard_E32-8s_v3", 8, 256, 0],
    ["Standard_F16s", 16, 32, 0],
    ["Standard_F72s_v2", 72, 144, 0],
    ["Standard_GS5-16", 16, 448, 0],
    ["Standard_H16mr", 16, 224, 0],
    ["Standard_L32s", 32, 256, 0],
    ["Standard_M64-16ms", 16, 1792, 0],
    ["Standard_M32ts", 32, 192, 0],
  ])("%s has %d cores, %d GiB and %d GPUs", (vmSize, cores, memory, gpus) => {
    expect(new NodeTypes().of(vmSize)).toEqual({ gpus, cores, memoryInBytes: memory * gib });
  });

  it.each([undefined, "", "local", "Standard_D96s_v5", "constructor", "Standard_NC24ads_A100_v4", "Standard_M8-"])(
    "do not limit %s, which Batch AI did not know",
    (vmSize) => {
      expect(new NodeTypes().of(vmSize)).toEqual({ gpus: 0 });
    },
  );
});

describe("own node types", () => {
  it("are found in any case. What they leave out is as in Azure's size of that name", () => {
    const types = openNodeTypes({
      standard_nc6: { gpus: 2 },
      BIG: { gpus: 4, cores: 32, memoryInGB: 128 },
      Small: { memoryInGB: 0.5 },
      none: {},
      STANDARD_NC24: { gpus: 0, cores: 2 },
    });
    expect(types.of("STANDARD_NC6")).toEqual({ gpus: 2, cores: 6, memoryInBytes: 56 * gib });
    expect(types.of("big")).toEqual({ gpus: 4, cores: 32, memoryInBytes: 128 * gib });
    expect(types.of("SMALL")).toEqual({ gpus: 0, memoryInBytes: gib / 2 });
    expect(types.of("None")).toEqual({ gpus: 0 });
    expect(types.of("Standard_NC24")).toEqual({ gpus: 0, cores: 2, memoryInBytes: 224 * gib });
    expect(types.of("Standard_NC12")).toMatchObject({ gpus: 2 });
  });

  it("may come from a file", () => {
    expect(openNodeTypes(fileWith('\uFEFF{ "BIG": { "gpus": 4 } }\n')).of("BIG")).toEqual({ gpus: 4 });
  });

  it("are found with and without Standard_, like Azure's sizes", () => {
    const types = openNodeTypes({ NC6: { gpus: 2 }, Standard_Big: { gpus: 3 }, Standard_: { gpus: 4 } });
    expect(["NC6", "STANDARD_NC6", "standard_nc6"].map((name) => types.of(name).gpus)).toEqual([2, 2, 2]);
    expect(["BIG", "STANDARD_BIG"].map((name) => types.of(name).gpus)).toEqual([3, 3]);
    expect(types.of("standard_").gpus).toBe(4);
    expect([types.of(""), types.of(undefined)]).toEqual([{ gpus: 0 }, { gpus: 0 }]);
    expect(openNodeTypes({ Basic_A1: { gpus: 1 }, A1: { gpus: 2 } }).of("basic_a1")).toMatchObject({ gpus: 1 });
  });

  const sameType = "stand for the same node type: case and Standard_ do not count. Remove one of them.";
  const members =
    "Members are gpus, cores, memoryInGB, engine, partition, account, qos, constraint, gpuType, scratchDir, " +
    "maxWallClockTime, extraOptions.";
  it.each([
    ['{ "BIG": { "gpu": 4 } }', `FILE: node type "BIG" has the unknown member "gpu". ${members}`],
    ['{ "BIG": { "__proto__": 4 } }', `FILE: node type "BIG" has the unknown member "__proto__". ${members}`],
    ['{ "BIG": { "gpus": -1 } }', 'FILE: node type "BIG": gpus must be an integer of at least 0, got -1.'],
    ['{ "BIG": { "gpus": 1.5 } }', 'FILE: node type "BIG": gpus must be an integer of at least 0, got 1.5.'],
    ['{ "BIG": { "cores": 0 } }', 'FILE: node type "BIG": cores must be an integer of at least 1, got 0.'],
    ['{ "BIG": { "cores": "8" } }', 'FILE: node type "BIG": cores must be an integer of at least 1, got "8".'],
    ['{ "BIG": { "cores": 0.5 } }', 'FILE: node type "BIG": cores must be an integer of at least 1, got 0.5.'],
    ['{ "BIG": { "memoryInGB": 0 } }', 'FILE: node type "BIG": memoryInGB must be a number of at least 0.01, got 0.'],
    [
      '{ "BIG": { "memoryInGB": null } }',
      'FILE: node type "BIG": memoryInGB must be a number of at least 0.01, got null.',
    ],
    // As a whole number of bytes it is 0, which means no limit to the system.
    [
      '{ "BIG": { "memoryInGB": 1e-10 } }',
      'FILE: node type "BIG": memoryInGB must be a number of at least 0.01, got 1e-10.',
    ],
    ['{ "BIG": 4 }', 'FILE: node type "BIG" must be an object, got 4.'],
    ['{ "BIG": [] }', 'FILE: node type "BIG" must be an object, got a list.'],
    ["[]", "FILE must be an object with a member for each node type, got a list."],
    ["null", "FILE must be an object with a member for each node type, got null."],
    ['{ "BIG": {}, "Big": {} }', `FILE: the names "BIG" and "Big" ${sameType}`],
    ['{ "NC6": {}, "STANDARD_NC6": {} }', `FILE: the names "NC6" and "STANDARD_NC6" ${sameType}`],
    ['{ "standard_big": {}, "BIG": {} }', `FILE: the names "standard_big" and "BIG" ${sameType}`],
    ['{ "BIG": {}, "B\\u0049G": {} }', 'FILE contains the name "BIG" twice in one object. Remove one of them.'],
    [
      '{ "A": { "gpus": 1 }, "B": { "gpus": 1, "gpus": 2 } }',
      'FILE contains the name "gpus" twice in one object. Remove one of them.',
    ],
    ['{\n  "BIG": { "gpus": four }\n}', "FILE is not valid JSON at line 2, column 21: Unexpected token 'o'."],
    ['{ "BIG": { "gpus": 4, } }', "FILE is not valid JSON at line 1, column 23: Expected double-quoted property name."],
    ['{ "BIG": {} } x', "FILE is not valid JSON at line 1, column 15: Unexpected non-whitespace character."],
    ["", "FILE is not valid JSON at line 1, column 1: Unexpected end of JSON input."],
  ])("are rejected: %s", (text, message) => {
    const file = fileWith(text);
    expect(() => openNodeTypes(file)).toThrow(new Error(message.replace("FILE", file)));
  });

  it("are rejected if the file cannot be read, or the option is not valid", () => {
    expect(() => openNodeTypes("/no/such/file")).toThrow(
      "Cannot read the node types: ENOENT: no such file or directory",
    );
    const option = { BIG: { cores: Number.NaN } };
    expect(() => openNodeTypes(option)).toThrow(
      'nodeTypes: node type "BIG": cores must be an integer of at least 1, got NaN.',
    );
    expect(() => openNodeTypes(4 as unknown as NodeTypesOption)).toThrow(
      "nodeTypes must be an object with a member for each node type, got 4.",
    );
  });
});

function fileWith(text: string): string {
  const folder = mkdtempSync(join(tmpdir(), "batchai-types-"));
  onTestFinished(() => {
    rmSync(folder, { recursive: true });
  });
  const file = join(folder, "types.json");
  writeFileSync(file, text);
  return file;
}
