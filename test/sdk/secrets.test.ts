import { describe, expect, it } from "vitest";
import type { ClusterCreateParameters } from "../../src/models/cluster.ts";
import { clusterCreateParameters } from "../../src/wire/tables/cluster.ts";
import { applyDefaults } from "../../src/wire/defaults.ts";
import { secretsOf, withoutSecrets, withSecrets } from "../../src/wire/secrets.ts";

const parameters: ClusterCreateParameters = {
  vmSize: "STANDARD_D1",
  userAccountSettings: { adminUserName: "me", adminUserPassword: "pass-word" },
  scaleSettings: { autoScale: { minimumNodeCount: 0, maximumNodeCount: 2 } },
  nodeSetup: {
    setupTask: {
      commandLine: "true",
      stdOutErrPathPrefix: "/logs",
      secrets: [{ name: "A", value: "a-value" }, { name: "B" }],
    },
    mountVolumes: {
      azureFileShares: [
        { accountName: "a", azureFileUrl: "u", relativeMountPath: "r", credentials: { accountKey: "account-key" } },
      ],
    },
    performanceCountersSettings: {
      appInsightsReference: { component: { id: "/i" }, instrumentationKey: "instrumentation-key" },
    },
  },
};

const secrets = {
  "userAccountSettings.adminUserPassword": "pass-word",
  "nodeSetup.setupTask.secrets[0].value": "a-value",
  "nodeSetup.mountVolumes.azureFileShares[0].credentials.accountKey": "account-key",
  "nodeSetup.performanceCountersSettings.appInsightsReference.instrumentationKey": "instrumentation-key",
};

describe("secrets", () => {
  it("are found by their paths", () => {
    expect(secretsOf(clusterCreateParameters, parameters)).toEqual(secrets);
  });

  it("are taken out of a copy and put back into another", () => {
    const before = structuredClone(parameters);
    const bare = withoutSecrets(clusterCreateParameters, parameters);
    for (const secret of Object.values(secrets)) expect(JSON.stringify(bare)).not.toContain(secret);
    expect(bare.nodeSetup?.mountVolumes?.azureFileShares?.[0]?.credentials).toEqual({});
    expect(bare.nodeSetup?.setupTask?.secrets).toEqual([{ name: "A" }, { name: "B" }]);
    expect(withSecrets(clusterCreateParameters, bare, secrets)).toEqual(parameters);
    expect(parameters).toEqual(before);
  });

  it("are ignored when their place is gone", () => {
    const bare = { vmSize: "STANDARD_D1", userAccountSettings: { adminUserName: "me" } };
    expect(withSecrets(clusterCreateParameters, bare, secrets)).toEqual({
      ...bare,
      userAccountSettings: { adminUserName: "me", adminUserPassword: "pass-word" },
    });
  });

  it("do not stay behind in a place of the wrong shape", () => {
    const misplaced = { ...parameters, userAccountSettings: "pass-word" } as unknown as ClusterCreateParameters;
    expect(JSON.stringify(withoutSecrets(clusterCreateParameters, misplaced))).not.toContain("pass-word");
  });
});

describe("defaults", () => {
  it("fill what is absent, inside the objects that are there", () => {
    const filled = applyDefaults(clusterCreateParameters, parameters);
    expect(filled.vmPriority).toBe("dedicated");
    expect(filled.scaleSettings).toEqual({
      autoScale: { minimumNodeCount: 0, maximumNodeCount: 2, initialNodeCount: 0 },
    });
    expect(filled.nodeSetup?.mountVolumes?.azureFileShares?.[0]).toMatchObject({
      fileMode: "0777",
      directoryMode: "0777",
    });
    expect(filled.virtualMachineConfiguration).toBeUndefined();
    expect(parameters.vmPriority).toBeUndefined();
  });

  it("leave what is there", () => {
    expect(applyDefaults(clusterCreateParameters, { ...parameters, vmPriority: "lowpriority" }).vmPriority).toBe(
      "lowpriority",
    );
  });
});
