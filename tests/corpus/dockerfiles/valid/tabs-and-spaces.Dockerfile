FROM	python:3.12.8-slim

   	
  RUN   true
	USER 1000
