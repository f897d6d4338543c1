import protobuf from 'protobufjs';

/** What is used of TensorFlow's event.proto, summary.proto and of the hparams plugin's plugin_data.proto. */
const text = `
syntax = "proto3";

message Event {
  double wall_time = 1;
  int64 step = 2;
  oneof what {
    string file_version = 3;
    Summary summary = 5;
    SessionLog session_log = 7;
  }
}

message SessionLog {
  enum SessionStatus { STATUS_UNSPECIFIED = 0; START = 1; STOP = 2; CHECKPOINT = 3; }
  SessionStatus status = 1;
}

message Summary {
  message Value {
    string tag = 1;
    SummaryMetadata metadata = 9;
    oneof value { float simple_value = 2; HistogramProto histo = 5; TensorProto tensor = 8; }
  }
  repeated Value value = 1;
}

message HistogramProto {
  double min = 1;
  double max = 2;
  double num = 3;
  double sum = 4;
  double sum_squares = 5;
  repeated double bucket_limit = 6 [packed = true];
  repeated double bucket = 7 [packed = true];
}

message TensorProto { int32 dtype = 1; TensorShapeProto tensor_shape = 2; }
message TensorShapeProto {}

message SummaryMetadata {
  message PluginData { string plugin_name = 1; bytes content = 2; }
  PluginData plugin_data = 1;
}

message HParamsPluginData { int32 version = 1; SessionStartInfo session_start_info = 3; }
message SessionStartInfo { map<string, Hyperparameter> hparams = 1; double start_time_secs = 5; }
message Hyperparameter { oneof kind { double number_value = 2; string string_value = 3; bool bool_value = 4; } }
`;

const { root } = protobuf.parse(text);

/** One of the messages above as bytes, from an object with its fields in camelCase. */
export function encodeMessage(type: 'Event' | 'HParamsPluginData', fields: Readonly<Record<string, unknown>>): Uint8Array {
  const message = root.lookupType(type);
  return message.encode(message.fromObject(fields)).finish();
}
