import { callDaemon } from "./daemonApi.ts";

interface Listed {
  readonly State: string;
  readonly Labels?: Readonly<Record<string, string>> | null;
}

/**
 * Returns the containers of runs, also those that have ended. `runIds`: only of these runs. podman that was killed while it
 * removed a container refuses to list it until somebody has removed it, so a refusal counts as a container.
 */
export async function containersLeft(socket: string, runIds?: readonly string[]): Promise<string[]> {
  const filters = encodeURIComponent(JSON.stringify({ label: ["batchai.run"] }));
  const { status, body } = await callDaemon(socket, "GET", `/containers/json?all=1&filters=${filters}`);
  if (status !== 200) return [`no list of containers, but ${String(status)}: ${body}`];
  return (JSON.parse(body) as Listed[])
    .map(({ State, Labels }) => ({ run: Labels?.["batchai.run"] ?? "", state: State }))
    .filter(({ run }) => runIds?.includes(run) ?? true)
    .map(({ run, state }) => `container of run ${run}, ${state}`);
}
