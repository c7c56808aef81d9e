/**
 * A process of a TensorFlow cluster without TensorFlow. Every server waits at its address for all workers, replies to them, and
 * never ends. Every worker calls all servers, and then worker 0 at its address. Worker 0 ends when all others have called it.
 */
export const clusterScript = `
import json, os, socket, sys, time

config = json.loads(os.environ["TF_CONFIG"])
servers = config["cluster"]["ps"]
workers = config["cluster"]["worker"]
kind, index = config["task"]["type"], config["task"]["index"]
assert servers == os.environ["AZ_BATCHAI_PS_HOSTS"].split(",")
assert workers == os.environ["AZ_BATCHAI_WORKER_HOSTS"].split(",")
assert str(index) == os.environ["AZ_BATCHAI_TASK_INDEX"] == sys.argv[2]
print(sys.argv[1], index, "of", str(len(workers)) + ",", len(servers), "servers")

def address(text):
    host, port = text.split(":")
    return host, int(port)

def call(task):
    deadline = time.monotonic() + 60
    while True:
        try:
            return socket.create_connection(address(task), timeout=60)
        except ConnectionRefusedError:
            if time.monotonic() > deadline: raise
            time.sleep(0.02)

listener = socket.create_server(address(config["cluster"][kind][index]))
if kind == "ps":
    calls = [listener.accept()[0] for _ in workers]
    for other in calls: other.sendall(b"1")
    while True: listener.accept()
for other in [call(server) for server in servers]: assert other.recv(1) == b"1"
if index == 0:
    for _ in workers[1:]: listener.accept()
else:
    call(workers[0])
`;

/** Two or more ranks of PyTorch that add up their numbers. Arguments: backend, init method, world size, rank. */
export const torchScript = `
import sys
import torch
import torch.distributed as distributed

backend, method, size, rank = sys.argv[1:]
distributed.init_process_group(backend, init_method=method, world_size=int(size), rank=int(rank))
value = torch.tensor([float(rank) + 1])
distributed.all_reduce(value)
print(f"rank {rank}: {value.item()}")
distributed.barrier()
`;

/** Ranks of MPI that add up their numbers. Each writes its line at once: `print` writes the end of the line separately. */
export const mpiScript = `
import sys
from mpi4py import MPI

world = MPI.COMM_WORLD
sys.stdout.write(f"rank {world.rank} of {world.size}: {world.allreduce(world.rank + 1)}\\n")
`;
