import { askDaemon } from "./daemonApi.ts";

interface Listed {
  readonly State: string;
  readonly Labels?: Readonly<Record<string, string>> | null;
}

/** Returns the containers of runs, also those that have ended. `runIds`: only of these runs. */
export async function containersLeft(socket: string, runIds?: readonly string[]): Promise<string[]> {
  const filters = encodeURIComponent(JSON.stringify({ label: ["batchai.run"] }));
  const listed = JSON.parse(await askDaemon(socket, "GET", `/containers/json?all=1&filters=${filters}`)) as Listed[];
  return listed
    .map(({ State, Labels }) => ({ run: Labels?.["batchai.run"] ?? "", state: State }))
    .filter(({ run }) => runIds?.includes(run) ?? true)
    .map(({ run, state }) => `container of run ${run}, ${state}`);
}
