//! Names of the API that one major version of Flink has, and the other has not.
//!
//! A class that mentions one is made for that major version. They are chosen so that what jobs and connectors use most is
//! among them, and that no class of the other version begins with one; a test holds them to the distributions.

/// Up to 1.20.
pub(super) const ONLY_1: &[&str] = &[
    "org/apache/flink/api/common/restartstrategy/RestartStrategies",
    "org/apache/flink/api/common/time/Time",
    "org/apache/flink/api/connector/sink/Sink",
    "org/apache/flink/api/connector/sink2/Sink$InitContext",
    "org/apache/flink/api/connector/sink2/TwoPhaseCommittingSink",
    "org/apache/flink/api/java/ExecutionEnvironment",
    "org/apache/flink/api/java/utils/ParameterTool",
    "org/apache/flink/optimizer/Optimizer",
    "org/apache/flink/runtime/state/filesystem/FsStateBackend",
    "org/apache/flink/runtime/state/memory/MemoryStateBackend",
    "org/apache/flink/streaming/api/TimeCharacteristic",
    "org/apache/flink/streaming/api/functions/sink/RichSinkFunction",
    "org/apache/flink/streaming/api/functions/sink/SinkFunction",
    "org/apache/flink/streaming/api/functions/sink/TwoPhaseCommitSinkFunction",
    "org/apache/flink/streaming/api/functions/source/ParallelSourceFunction",
    "org/apache/flink/streaming/api/functions/source/RichParallelSourceFunction",
    "org/apache/flink/streaming/api/functions/source/RichSourceFunction",
    "org/apache/flink/streaming/api/functions/source/SourceFunction",
    "org/apache/flink/streaming/api/windowing/time/Time",
    "org/apache/flink/table/connector/sink/SinkFunctionProvider",
    "org/apache/flink/table/connector/source/SourceFunctionProvider",
    "org/apache/flink/table/sources/StreamTableSource",
];

/// From 2.0 on.
pub(super) const ONLY_2: &[&str] = &[
    "org/apache/flink/legacy/table/connector/source/SourceFunctionProvider",
    "org/apache/flink/state/rocksdb/EmbeddedRocksDBStateBackend",
    "org/apache/flink/streaming/api/functions/sink/legacy/RichSinkFunction",
    "org/apache/flink/streaming/api/functions/sink/legacy/SinkFunction",
    "org/apache/flink/streaming/api/functions/source/legacy/ParallelSourceFunction",
    "org/apache/flink/streaming/api/functions/source/legacy/RichParallelSourceFunction",
    "org/apache/flink/streaming/api/functions/source/legacy/RichSourceFunction",
    "org/apache/flink/streaming/api/functions/source/legacy/SourceFunction",
    "org/apache/flink/table/connector/sink/legacy/SinkFunctionProvider",
    "org/apache/flink/table/legacy/api/TableSchema",
    "org/apache/flink/util/ParameterTool",
];
