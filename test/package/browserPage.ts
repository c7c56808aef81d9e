// The program of a web page: uses the SDK against a service of another origin, and reports what came of it.
import { BatchAIManagementClient, isRestError, tokenCredential } from "../../src/index.ts";

interface Settings {
  readonly endpoint: string;
  readonly subscriptionId: string;
  readonly token: string;
}

async function useSdk({ endpoint, subscriptionId, token }: Settings): Promise<unknown> {
  const options = { endpoint, allowInsecureConnection: true };
  const client = new BatchAIManagementClient(tokenCredential(token), subscriptionId, options);
  const workspace = await client.workspaces.create("group", "work", { location: "eastus" });
  const names: string[] = [];
  for await (const { name } of client.workspaces.list()) names.push(name);
  const missing: unknown = await client.jobs.get("group", "work", "exp", "job").catch((error: unknown) => error);
  await client.workspaces.delete("group", "work");
  return {
    created: workspace.provisioningState,
    creationTimeIsDate: workspace.creationTime instanceof Date,
    names,
    missing: isRestError(missing) ? [missing.statusCode, missing.code, typeof missing.details] : String(missing),
  };
}

async function report(): Promise<void> {
  const settings = (await (await fetch("/settings")).json()) as Settings;
  const outcome = await useSdk(settings).catch((error: unknown) => ({ failed: String(error) }));
  await fetch("/outcome", { method: "POST", body: JSON.stringify(outcome) });
}

void report();
