<<<<<<< HEAD
FROM python:3.12
=======
FROM python:3.13
>>>>>>> x
