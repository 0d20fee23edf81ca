//! The routes over a real router and database.

mod ground;
mod identity;
mod imports;
mod routes;
