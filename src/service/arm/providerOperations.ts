import type { FastifyInstance } from "fastify";

const resources = [
  { path: "workspaces", noun: "workspace", actions: ["read", "write", "delete"] },
  { path: "workspaces/clusters", noun: "cluster", actions: ["read", "write", "delete"] },
  { path: "workspaces/fileservers", noun: "file server", actions: ["read", "write", "delete"] },
  { path: "workspaces/experiments", noun: "experiment", actions: ["read", "write", "delete"] },
  { path: "workspaces/experiments/jobs", noun: "job", actions: ["read", "write", "delete"] },
] as const;

const verbs = { read: "Gets or lists", write: "Creates or updates", delete: "Deletes" } as const;

const actions = [
  { name: "workspaces/clusters/listRemoteLoginInformation/action", noun: "cluster", description: "Lists how to log in to the nodes of a cluster" },
  { name: "workspaces/experiments/jobs/listOutputFiles/action", noun: "job", description: "Lists the files in an output directory of a job" },
  { name: "workspaces/experiments/jobs/listRemoteLoginInformation/action", noun: "job", description: "Lists how to log in to the nodes of a job" },
  { name: "workspaces/experiments/jobs/terminate/action", noun: "job", description: "Terminates a job" },
  { name: "locations/operationresults/read", noun: "asynchronous operation", description: "Gets the state of an asynchronous operation" },
  { name: "locations/operationstatuses/read", noun: "asynchronous operation", description: "Follows an asynchronous operation" },
  { name: "locations/usages/read", noun: "usage", description: "Lists what is in use in a region" },
];

/** The operation group Operations: what the provider can do. */
export function providerOperationRoutes(app: FastifyInstance): void {
  const value = [...resources.flatMap(operationsOn), ...actions.map(({ name, noun, description }) => operation(name, noun, description))];
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
