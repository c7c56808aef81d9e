import { check, quick, rejectionOf, same } from "./stage.ts";
import type { Step } from "./steps.ts";

/** Every error class, timeouts, and a machine that cannot be reached. */
export const errorSteps: Record<string, Step> = {
  "rejects invalid arguments with a ValidationError": async ({ client, workspace, sdk }) => {
    const update = client.clusters.update(...workspace, "cluster", {
      scaleSettings: { manual: { targetNodeCount: -1 } },
    });
    const error = await rejectionOf(update);
    check(
      error instanceof sdk.ValidationError && error instanceof TypeError,
      `not a ValidationError: ${String(error)}`,
    );
    same((error.issues as { path: string }[])[0]?.path, "parameters.scaleSettings.manual.targetNodeCount");
  },

  "rejects with the RestError of the service": async (stage) => {
    const { client, sdk } = stage;
    const error = await rejectionOf(client.jobs.get(...stage.job("none")));
    check(sdk.isRestError(error) && error instanceof sdk.RestError, `not a RestError: ${String(error)}`);
    same([error.statusCode, error.code], [404, "JobNotFound"]);
    same((error.details as { code?: string }).code, "JobNotFound");
  },

  "rejects with a JobFailedError that has the exit code": async (stage) => {
    const job = await stage.submit("failing", "echo broken; exit 3");
    const error = await rejectionOf(stage.client.jobs.waitForCompletion(...job, quick));
    check(error instanceof stage.sdk.JobFailedError, `not a JobFailedError: ${String(error)}`);
    same([error.name, error.exitCode, error.code], ["JobFailedError", 3, "JobFailed"]);
  },

  "rejects with a ClusterNodesError": async ({ client, workspace, sdk }) => {
    await client.clusters.create(...workspace, "broken", {
      vmSize: "STANDARD_D1",
      scaleSettings: { manual: { targetNodeCount: 1 } },
      userAccountSettings: { adminUserName: "me", adminUserPassword: "the password of nobody" },
      nodeSetup: { setupTask: { commandLine: "exit 9", stdOutErrPathPrefix: "$AZ_BATCHAI_MOUNT_ROOT" } },
    });
    const error = await rejectionOf(client.clusters.waitForNodes(...workspace, "broken", quick));
    check(error instanceof sdk.ClusterNodesError, `not a ClusterNodesError: ${String(error)}`);
    same([error.name, error.code], ["ClusterNodesError", "NodeSetupTaskFailed"]);
  },

  "rejects an invalid endpoint with a TypeError": async (stage) => {
    const error = await rejectionOf(Promise.resolve().then(() => stage.clientOf("not a URL")));
    check(error instanceof TypeError, `not a TypeError: ${String(error)}`);
  },

  "stops after requestOptions.timeout": async (stage) => {
    const requestOptions = { timeout: 200 };
    const get = stage.stuckClient().workspaces.get("group", stage.nameOf("slow"), { requestOptions });
    const error = await rejectionOf(get);
    check(stage.sdk.isRestError(error), `not a RestError: ${String(error)}`);
    same(error.code, "ETIMEDOUT");
  },

  "stops the download of a file after requestOptions.timeout": async (stage) => {
    const options = { requestOptions: { timeout: 200 }, downloadUrl: stage.halfOf("slow") };
    const error = await rejectionOf(
      stage.stuckClient().jobs.readOutputFile(...stage.job("any"), "any", "any", options),
    );
    check(stage.sdk.isRestError(error), `not a RestError: ${String(error)}`);
    same(error.code, "ETIMEDOUT");
  },

  "rejects with a RestError if nothing listens": async (stage) => {
    const client = stage.clientOf(stage.settings.unreachable, { retryOptions: { maxRetries: 0 } });
    const error = await rejectionOf(client.workspaces.get(...stage.workspace));
    check(stage.sdk.isRestError(error), `not a RestError: ${String(error)}`);
    check(typeof error.code === "string" && error.code !== "", "the error has no code");
    check(error.statusCode === undefined, "the error has a status");
  },
};
