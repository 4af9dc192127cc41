// SPDX-License-Identifier: Apache-2.0
// An independent subscriber to KV events: npm's libzmq and MessagePack, block hashes by hand.
import { createHash } from 'node:crypto';
import { decode } from '@msgpack/msgpack';
import * as zmq from 'zeromq';
import { until } from '../support/until.mjs';

const kReplayEnd = 0xffff_ffff_ffff_ffffn;
const kPatienceMs = 30_000;

export const read = (payload) => decode(payload, { useBigInt64: true });

/** Where an engine says that it publishes. */
export async function endpoints(engine) {
  const line = await until('the engine says where it publishes',
    () => engine.out.find((text) => text.startsWith(`llmd kv-events ${engine.url} `)));
  const [, , , events, , replay] = line.split(' ');
  return { events, replay };
}

export function subscriber(endpoint, topic = '') {
  const socket = new zmq.Subscriber({ receiveTimeout: kPatienceMs, linger: 0 });
  socket.connect(endpoint);
  socket.subscribe(topic);
  return socket;
}

/** Everything that is replayed from this batch on: [{topic, seq, payload}]. */
export async function replay(endpoint, from) {
  const socket = new zmq.Dealer({ receiveTimeout: kPatienceMs, linger: 0 });
  socket.connect(endpoint);
  const start = Buffer.alloc(8);
  start.writeBigUInt64BE(BigInt(from));
  await socket.send(['', start]);
  const batches = [];
  try {
    for (;;) {
      const [empty, topic, seq, payload, ...more] = await socket.receive();
      if (empty.length !== 0 || more.length !== 0) throw new Error('not the frames of a reply');
      const number = seq.readBigUInt64BE();
      if (number === kReplayEnd) return batches;
      batches.push({ topic: topic.toString(), seq: Number(number), payload });
    }
  } finally {
    socket.close();
  }
}

function head(major, value) {
  if (value < 24) return Buffer.from([major | value]);
  if (value < 0x100) return Buffer.from([major | 24, value]);
  if (value < 0x10000) return Buffer.from([major | 25, value >> 8, value & 0xff]);
  const wide = Buffer.from([major | 26, 0, 0, 0, 0]);
  wide.writeUInt32BE(value, 1);
  return wide;
}
const text = (string) => Buffer.concat([head(0x60, Buffer.byteLength(string)), Buffer.from(string)]);
const sha256 = (...parts) => createHash('sha256').update(Buffer.concat(parts)).digest();

/** vLLM's sha256_cbor names of a prompt's full blocks, as events carry them. */
export function blockHashes(tokens, blockSize, { adapter = '', salt = '', seed = '0' } = {}) {
  let parent = sha256(text(seed));
  const hashes = [];
  for (let at = 0; at + blockSize <= tokens.length; at += blockSize) {
    const extra = [adapter, at === 0 ? salt : ''].filter((item) => item);
    parent = sha256(
      head(0x80, 3), head(0x40, parent.length), parent,
      head(0x80, blockSize), ...tokens.slice(at, at + blockSize).map((id) => head(0, id)),
      extra.length === 0 ? Buffer.from([0xf6]) : Buffer.concat([head(0x80, extra.length), ...extra.map(text)]));
    hashes.push(parent.readBigUInt64BE(parent.length - 8));
  }
  return hashes;
}
