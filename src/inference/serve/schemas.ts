import type { Column } from '../../data/table/tableSchema.js';
import type { Model } from '../model.js';

/** What /predict takes and gives, as JSON schema: for the OpenAPI document; bodies are checked, and errors named, by ourselves. */
export function predictSchema(model: Model) {
  const { spec, network, schema, classes } = model;
  const inputs = {
    type: 'array',
    description: `samples, each of ${network.inputs} numbers as they stand in the data's files: lists of shape [${spec.inputShape.join(', ')}], or flat`,
    items: { type: 'array', items: {} },
  };
  const rows = schema && {
    type: 'array',
    description: 'samples, as rows of the table that the model was trained on',
    items: {
      type: 'object',
      properties: Object.fromEntries(schema.inputs.map((column) => [column.name, columnSchema(column)])),
      additionalProperties: true,
    },
  };
  const prediction = {
    type: 'object',
    properties: {
      outputs: { type: 'array', items: { type: 'number' }, description: `${network.outputs} numbers` },
      class: { type: 'integer', description: 'number of the class, of a classifier' },
      label: {
        type: 'string',
        description: classes ? `name of the class: ${classes.slice(0, 20).join(', ')}` : 'name of the class, where classes have names',
      },
      probability: { type: 'number', description: 'that the model gives to that class' },
    },
  };
  return {
    summary: 'What the model says of some samples',
    description: 'A JSON body with inputs or rows; or a PNG or JPEG image as the body, of one sample.',
    consumes: ['application/json', 'image/png', 'image/jpeg'],
    body: { type: 'object', properties: { inputs, ...(rows && { rows }) } },
    response: {
      200: { type: 'object', properties: { predictions: { type: 'array', items: prediction } } },
      '4xx': { type: 'object', properties: { message: { type: 'string' } } },
    },
  };
}

function columnSchema(column: Column): object {
  switch (column.kind) {
    case 'number':
      return { type: 'number' };
    case 'category':
      return { type: 'string', enum: column.categories };
    case 'list':
      return { type: 'array', items: {}, description: `of shape [${column.shape.join(', ')}]` };
  }
}
