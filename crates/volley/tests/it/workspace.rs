//! The rules that the workspace itself keeps.
