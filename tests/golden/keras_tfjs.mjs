// keras_tfjs.mjs FOLDER: builds the model of keras_export.py in TensorFlow.js, runs it, compares the probabilities. TFJS: the module's folder.
import fs from 'node:fs';
import { createRequire } from 'node:module';
const require = createRequire(process.env.TFJS + '/package.json');
const tf = require(process.env.TFJS);
const folder = process.argv[2];
const info = JSON.parse(fs.readFileSync(folder + '/model.json', 'utf8'));
const floats = name => { const b = fs.readFileSync(folder + '/' + name); return new Float32Array(b.buffer, b.byteOffset, b.length / 4); };
await tf.setBackend('cpu');
const model = await tf.models.modelFromJSON({ modelTopology: info.config });
const all = floats('weights.bin');
let at = 0;
const tensors = info.weights.map(w => {
  const count = w.shape.reduce((a, b) => a * b, 1);
  at += count;
  return tf.tensor(all.subarray(at - count, at), w.shape);
});
if (at !== all.length) throw new Error('weights are left over');
const expected = model.getWeights();
expected.forEach((w, i) => {
  if (String(w.shape) !== String(tensors[i].shape)) throw new Error(`weight ${i} (${info.weights[i].name}) is ${tensors[i].shape}, the model wants ${w.shape}`);
});
model.setWeights(tensors);
const got = await model.predict(tf.tensor4d(floats('pictures.bin'), info.pictures)).array();
let worst = 0;
got.forEach((row, i) => row.forEach((p, c) => { worst = Math.max(worst, Math.abs(p - info.want[i][c])); }));
console.log(`TensorFlow.js ${tf.version.tfjs}: ${got.length} held-out faces, largest difference of a probability ${worst.toExponential(1)}`);
if (!(worst < 1e-4)) process.exit(1);
