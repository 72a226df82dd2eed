//! Tables derived from views: names, columns, DDL.
