//! Bytes to batches: lines, records, numbers, duplicates, rejections.
