// SPDX-License-Identifier: Apache-2.0
// Tool calls made from their schemas, as the official client sees them.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { kModel, start } from './simulated.mjs';

let engine;
before(async () => { engine = await start(); });
after(async () => { assert.equal(await engine.stop(), 0); });

const weather = { type: 'function', function: { name: 'weather', parameters: { type: 'object',
  required: ['city', 'days'], properties: { city: { enum: ['Oslo', 'Rome'] }, days: { type: 'integer', minimum: 1, maximum: 7 } } } } };
const time = { type: 'function', function: { name: 'time' } };
const ask = { model: kModel, messages: [{ role: 'user', content: 'Will it rain?' }], tools: [weather, time] };

function checkWeather(text) {
  const { city, days } = JSON.parse(text);
  assert.ok(['Oslo', 'Rome'].includes(city) && days >= 1 && days <= 7, text);
}

test('a named tool is called with arguments that its schema allows', async () => {
  const answer = await engine.client().chat.completions.create({ ...ask, tool_choice: { type: 'function', function: { name: 'weather' } } });
  const [{ message, finish_reason }] = answer.choices;
  assert.deepEqual([finish_reason, message.content, message.tool_calls.length], ['tool_calls', null, 1]);
  assert.equal(message.tool_calls[0].function.name, 'weather');
  checkWeather(message.tool_calls[0].function.arguments);
});

test('streamed, the arguments come token by token', async () => {
  const stream = engine.client().chat.completions.stream({ ...ask, tools: [weather], tool_choice: 'required' });
  let pieces = 0;
  stream.on('chunk', () => { pieces += 1; });
  const [{ message, finish_reason }] = (await stream.finalChatCompletion()).choices;
  assert.ok(pieces > 5, String(pieces));
  assert.equal(finish_reason, 'tool_calls');
  checkWeather(message.tool_calls[0].function.arguments);
});

test('a conversation goes on with the tool\'s result', async () => {
  const client = engine.client();
  const first = await client.chat.completions.create({ ...ask, tool_choice: 'required' });
  const [call] = first.choices[0].message.tool_calls;
  const answer = await client.chat.completions.create({ ...ask, max_tokens: 5, messages: [...ask.messages,
    first.choices[0].message, { role: 'tool', tool_call_id: call.id, content: 'yes' }] });
  assert.ok(answer.choices[0].message.content.length > 0);
});

test('tools that cannot be called are refused', async () => {
  const refusal = async (more) => (await engine.post('/v1/chat/completions', { ...ask, ...more })).body.error;
  const named = (name) => ({ tool_choice: { type: 'function', function: { name } } });
  assert.match((await refusal(named('snow'))).message, /no tool "snow"/);
  assert.match((await refusal({ tools: [], tool_choice: 'required' })).message, /no tools/);
  assert.match((await refusal({ tools: [{}], tool_choice: 'required' })).message, /no function/);
  const unknown = { type: 'function', function: { name: 'f', parameters: { $ref: '#/x' } } };
  assert.match((await refusal({ tools: [unknown], tool_choice: 'required' })).message, /\$ref/);
});
