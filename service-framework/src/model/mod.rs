//! Models: the types of arguments, what a service has and needs, and the checks made from them. No IO.
