// SPDX-License-Identifier: Apache-2.0
// Templates in the styles of published models, and contexts to render them with.

export const TEMPLATES = {
  chatml: `{% for message in messages %}{{'<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>' + '\n'}}{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}`,
  system_default: `
{%- if messages[0]['role'] == 'system' %}
    {%- set system_message = messages[0]['content'] | trim %}
    {%- set messages = messages[1:] %}
{%- else %}
    {%- set system_message = "" %}
{%- endif %}
{{- bos_token }}
{{- system_message }}
{% for message in messages %}
    {% if message.role == 'user' %}
[INST] {{ message.content }} [/INST]
    {% elif message.role == 'assistant' %}
 {{ message.content ~ eos_token }}
    {% else %}
{# tools and others #}
<{{ message.role | upper }}>
    {% endif %}
{% endfor %}
`,
  inst_alternating: `{{ bos_token }}{% for message in messages %}{% if (message['role'] == 'user') != (loop.index0 % 2 == 0) %}{{ raise_exception('Roles must alternate: ' + message['role']) }}{% endif %}{% if message['role'] == 'user' %}{{ '[INST] ' + message['content'] + ' [/INST]' }}{% else %}{{ message['content'] + eos_token }}{% endif %}{% endfor %}`,
  tools_namespace: `
{%- set ns = namespace(count=0, last='') -%}
{%- for message in messages if message.role != 'system' -%}
  {%- set ns.count = ns.count + 1 -%}
  {%- set ns.last = message.role -%}
{%- endfor -%}
{%- if tools is defined and tools -%}
{{ '# Tools\n' }}
  {%- for tool in tools -%}
    {%- set function = tool.function if tool.function is defined else tool -%}
{{ '- ' ~ function.name ~ ': ' }}{{ function.parameters | tojson }}{{ '\n' }}
    {%- for name, spec in function.parameters.properties.items() -%}
{{ '  ' + name + ' (' + spec.type + ')' + ('*' if name in function.parameters.required else '') + '\n' }}
    {%- endfor -%}
  {%- endfor -%}
{%- endif -%}
{{ ns.count }}/{{ messages | length }} {{ ns.last }}`,
  macros: `
{%- macro render(message, prefix='>> ') -%}
{{ prefix }}{{ message.role | capitalize }}: {% if message.content is string %}{{ message.content | trim }}{% elif message.content is iterable and message.content is not none %}{% for part in message.content %}{% if part.type == 'text' %}{{ part.text }}{% else %}<{{ part.type }}>{% endif %}{% endfor %}{% endif %}
{% endmacro -%}
{%- for message in messages -%}
{{ render(message) if loop.first else render(message, prefix='   ') }}
{%- endfor -%}`,
  llama31_style: `{{- bos_token }}
{%- if custom_tools is defined %}
    {%- set tools = custom_tools %}
{%- endif %}
{%- if not tools_in_user_message is defined %}
    {%- set tools_in_user_message = true %}
{%- endif %}
{%- if not tools is defined %}
    {%- set tools = none %}
{%- endif %}
{%- if messages[0]['role'] == 'system' %}
    {%- set system_message = messages[0]['content']|trim %}
    {%- set messages = messages[1:] %}
{%- else %}
    {%- set system_message = "" %}
{%- endif %}
{{- "<|start_header_id|>system<|end_header_id|>\n\n" }}
{%- if tools is not none %}
    {{- "Environment: ipython\n" }}
{%- endif %}
{{- system_message }}
{{- "<|eot_id|>" }}
{%- if tools_in_user_message and not tools is none %}
    {%- for t in tools %}
        {{- t | tojson(indent=4) }}
        {{- "\n\n" }}
    {%- endfor %}
{%- endif %}
{%- for message in messages %}
    {%- if not (message.role == 'ipython' or message.role == 'tool' or 'tool_calls' in message) %}
        {{- '<|start_header_id|>' + message['role'] + '<|end_header_id|>\n\n'+ message['content'] | trim + '<|eot_id|>' }}
    {%- elif 'tool_calls' in message %}
        {%- set tool_call = message.tool_calls[0].function %}
        {{- '{"name": "' + tool_call.name + '", ' }}
        {{- '"parameters": ' }}
        {{- tool_call.arguments | tojson }}
        {{- "}" }}
    {%- elif message.role == "tool" or message.role == "ipython" %}
        {{- "<|start_header_id|>ipython<|end_header_id|>\n\n" }}
        {%- if message.content is mapping or message.content is iterable %}
            {{- message.content | tojson }}
        {%- else %}
            {{- message.content }}
        {%- endif %}
    {%- endif %}
{%- endfor %}
{%- if add_generation_prompt %}
    {{- '<|start_header_id|>assistant<|end_header_id|>\n\n' }}
{%- endif %}`,
  whitespace: `a
  {% if true %}
  b
  {%- if true -%}
   c
  {%- endif %}
 d {{ 'e' }}
  {% endif %}
{# comment #}
   {#- another -#}
 f
  {{- ' g ' -}}
  h
{% for x in [1, 2] %}
  {{ x }}
{% endfor %}
end
`,
  loop_fields: `{% for m in messages %}{{ loop.index }}{{ loop.index0 }}{{ loop.revindex }}{{ loop.revindex0 }}{{ loop.length }}{{ loop.first }}{{ loop.last }}|{% if loop.previtem is defined %}{{ loop.previtem.role }}{% endif %}>{% if loop.nextitem is defined %}{{ loop.nextitem.role }}{% endif %};{% else %}empty{% endfor %}`,
  break_continue: `{% for m in messages %}{% if m.role == 'assistant' %}{% continue %}{% endif %}{% if loop.index > 3 %}{% break %}{% endif %}{{ m.role }},{% endfor %}`,
  filters: `{{ messages | map(attribute='role') | join(', ') }};{{ messages | selectattr('role', 'equalto', 'user') | list | length }};{{ messages | rejectattr('role', 'equalto', 'user') | map(attribute='role') | list | tojson }};{{ 'a,b,c'.split(',') | reverse | join }};{{ [3, 1, 2] | sort | first }}{{ [3, 1, 2] | sort | last }};{{ {'b': 1, 'a': 2} | dictsort | tojson }};{{ '  x ' | trim | length }};{{ 'hello world' | title }};{{ 'x' | default('y') }}{{ undefined_name | default('y') }};{{ -5 | abs }};{{ '12' | int + 1 }};{{ 'a\nb' | indent(2) }};{{ 'aXbX' | replace('X', '-') }}`,
  operators: `{{ 7 // 2 }} {{ 7 % 3 }} {{ 2 * 3 + 4 }} {{ (1 + 2) * 3 }} {{ 1 < 2 }} {{ 'a' in 'abc' }} {{ 'x' not in ['y'] }} {{ not false and true or false }} {{ 1 if false else 2 }} {{ 'a' ~ 1 ~ true }} {{ ([1, 2] + [3]) | tojson }} {{ messages[-1].role }} {{ 'abcdef'[1:4] }} {{ [1, 2, 3, 4][::2] | tojson }} {{ none is none }} {{ 3 is odd }}`,
  strings: `{{ ' x '.strip() }}|{{ 'ab'.upper() }}|{{ 'a b  c'.split() | tojson }}|{{ 'a-b-c'.split('-', 1) | tojson }}|{{ 'abc'.startswith('ab') }}|{{ 'abc'.endswith('bc') }}|{{ "it's" }}|{{ 'tab\\tnew\\nline' }}|{{ 'é👋' | length > 0 }}|{{ 'a.b'.replace('.', '!') }}`,
  block_set: `{% set greeting %}Hello {{ messages[0].role }}{% endset %}{{ greeting }}{% set a, b = 1, 2 %}{{ a + b }}{% set x = {'k': [1, 2.5, none, true], "q": 'quo"te'} %}{{ x | tojson }}`,
};

const WEATHER = {
  type: "function",
  function: {
    name: "get_weather",
    description: "Wetter für einen Ort <b>&</b> 'quoted'",
    parameters: {
      type: "object",
      properties: { city: { type: "string" }, days: { type: "integer", default: 1 } },
      required: ["city"],
    },
  },
};

const CALL = { role: "assistant", content: "", tool_calls: [{ type: "function", function: { name: "get_weather", arguments: { city: "Zürich", days: 2 } } }] };

const CONVERSATIONS = [
  [{ role: "user", content: "Hi" }],
  [{ role: "system", content: "  Be kind.\n" }, { role: "user", content: "Grüße 👋🏽 你好" }, { role: "assistant", content: " Hello\t" }, { role: "user", content: "a\n\n b" }],
  [{ role: "user", content: "1" }, { role: "assistant", content: "<think>\nwhy\n</think>\n\n2" }, { role: "user", content: "3" }, { role: "assistant", content: "4" }],
  [{ role: "system", content: "s" }, { role: "user", content: "weather?" }, CALL, { role: "tool", content: '{"t": 21.5}' }, { role: "tool", content: "x" }, { role: "assistant", content: "21.5 °C" }],
];

export const CONTEXTS = CONVERSATIONS.flatMap((messages) =>
  [undefined, [WEATHER]].flatMap((tools) =>
    [true, false].map((flag) => ({
      messages, ...(tools && { tools }), add_generation_prompt: flag, bos_token: "<s>", eos_token: "</s>", ...(flag && { enable_thinking: false }),
    })),
  ),
);
