import type { FastifyInstance } from "fastify";

const resources = [
  { path: "workspaces", noun: "workspace", actions: ["read", "write", "delete"] },
  { path: "workspaces/clusters", noun: "cluster", actions: ["read", "write", "delete"] },
  { path: "workspaces/fileservers", noun: "file server", actions: ["read", "write", "delete"] },
  { path: "workspaces/experiments", noun: "experiment", actions: ["read", "write", "delete"] },
  { path: "workspaces/experiments/jobs", noun: "job", actions: ["read", "write", "delete"] },
] as const;

const verbs = { read: "Gets or lists", write: "Creates or updates", delete: "Deletes" } as const;

const actions: readonly [name: string, noun: string, description: string][] = [
  ["workspaces/clusters/listRemoteLoginInformation/action", "cluster", "Lists how to log in to the nodes of a cluster"],
  ["workspaces/experiments/jobs/listOutputFiles/action", "job", "Lists the files in an output directory of a job"],
  ["workspaces/experiments/jobs/listRemoteLoginInformation/action", "job", "Lists how to log in to the nodes of a job"],
  ["workspaces/experiments/jobs/terminate/action", "job", "Terminates a job"],
  ["locations/operationresults/read", "asynchronous operation", "Gets the state of an asynchronous operation"],
  ["locations/operationstatuses/read", "asynchronous operation", "Follows an asynchronous operation"],
  ["locations/usages/read", "usage", "Lists what is in use in a region"],
];

/** The operation group Operations: what the provider can do. */
export function providerOperationRoutes(app: FastifyInstance): void {
  const value = [...resources.flatMap(operationsOn), ...actions.map((action) => operation(...action))];
  app.get("/providers/Microsoft.BatchAI/operations", () => ({ value }));
}

function operationsOn({ path, noun, actions: kinds }: (typeof resources)[number]): object[] {
  return kinds.map((kind) => operation(`${path}/${kind}`, noun, `${verbs[kind]} a ${noun}`));
}

function operation(name: string, resource: string, description: string): object {
  return {
    name: `Microsoft.BatchAI/${name}`,
    display: { provider: "Batch AI", resource, operation: description, description: `${description}.` },
    origin: "user,system",
  };
}
