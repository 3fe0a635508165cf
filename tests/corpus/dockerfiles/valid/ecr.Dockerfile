FROM 123456789012.dkr.ecr.us-east-1.amazonaws.com/team/base_image--x:v1.2.3-rc.1_4
USER 1000
