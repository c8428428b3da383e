// VGG16 by onnxruntime-node, for bench_network: a line "threads calls" on stdin = so many runs of the batch, answered with the seconds of
// one by the clock and of processor time. Arguments: weights, pictures, batch, size, file for the features, threads. ONNX: the module's folder.
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import { createRequire } from 'node:module';
import os from 'node:os';
import readline from 'node:readline';
const [weights, pictures, batch, size, features, threads] = process.argv.slice(2);
const ort = createRequire(process.env.ONNX + '/package.json')(process.env.ONNX);
const model = fs.mkdtempSync(os.tmpdir() + '/onnx') + '/vgg16.onnx';
execFileSync('/usr/bin/python3', ['tests/peers/bench_network_export.py', weights, batch, size, model], { stdio: ['ignore', 'ignore', 'inherit'] });
const session = await ort.InferenceSession.create(model, { intraOpNumThreads: +threads, interOpNumThreads: 1, graphOptimizationLevel: 'all' });
fs.rmSync(model);
const raw = fs.readFileSync(pictures), values = new Float32Array(raw.buffer, raw.byteOffset, raw.length / 4);
const input = new ort.Tensor('float32', values, [+batch, +size, +size, 3]);
let written = false;
for await (const line of readline.createInterface({ input: process.stdin })) {
  const calls = +line.split(' ')[1];
  const cpu = process.cpuUsage(), wall = process.hrtime.bigint();
  let output;
  for (let i = 0; i < calls; i++) output = await session.run({ x: input });
  const took = Number(process.hrtime.bigint() - wall) / 1e9, used = process.cpuUsage(cpu);
  if (!written) {
    const y = output.y.data;
    fs.writeFileSync(features, Buffer.from(y.buffer, y.byteOffset, y.byteLength));
    written = true;
  }
  console.log(took / calls, (used.user + used.system) / 1e6 / calls);
}
